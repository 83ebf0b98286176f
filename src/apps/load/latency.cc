#include "apps/load/latency.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hongbao::load {

size_t LatencyHistogram::bucket_of(uint64_t latency_us) {
  // The first two octaves are exact; above them the highest 6 bits choose the bucket.
  const int width = static_cast<int>(std::bit_width(latency_us));
  const auto shift = static_cast<size_t>(std::max(0, width - kSubBucketBits - 1));
  return (shift << kSubBucketBits) + static_cast<size_t>(latency_us >> shift);
}

int64_t LatencyHistogram::greatest_in(size_t bucket) {
  const size_t shift = std::max<size_t>(1, bucket >> kSubBucketBits) - 1;
  const size_t mantissa = bucket - (shift << kSubBucketBits);
  return static_cast<int64_t>(((mantissa + 1) << shift) - 1);
}

void LatencyHistogram::add(int64_t latency_us) {
  ++buckets_[bucket_of(static_cast<uint64_t>(std::clamp<int64_t>(latency_us, 0, kLatencyMax_us)))];
  ++count_;
}

int64_t LatencyHistogram::quantile_us(double quantile) const {
  if (count_ == 0) {
    return 0;
  }
  const auto rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) {
      return greatest_in(bucket);
    }
  }
  return kLatencyMax_us;
}

LatencyHistogram& LatencyHistogram::operator+=(const LatencyHistogram& other) {
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    buckets_[bucket] += other.buckets_[bucket];
  }
  count_ += other.count_;
  return *this;
}

LatencyHistogram LatencyHistogram::since(const LatencyHistogram& earlier) const {
  LatencyHistogram difference = *this;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    difference.buckets_[bucket] -= earlier.buckets_[bucket];
  }
  difference.count_ -= earlier.count_;
  return difference;
}

}  // namespace hongbao::load
