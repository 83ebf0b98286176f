#include "apps/load/latency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace hongbao::load {
namespace {

TEST(LatencyHistogram, HasNoQuantileWithoutValues) {
  EXPECT_EQ(LatencyHistogram().quantile_us(0.99), 0);
}

TEST(LatencyHistogram, IsExactBelow64Microseconds) {
  LatencyHistogram histogram;
  for (int64_t us = 1; us <= 60; ++us) {
    histogram.add(us);
  }
  EXPECT_EQ(histogram.quantile_us(0.5), 30);
  EXPECT_EQ(histogram.quantile_us(1.0), 60);
}

TEST(LatencyHistogram, QuantilesAreAtMostAThirtySecondTooHigh) {
  LatencyHistogram histogram;
  std::vector<int64_t> values;
  for (int64_t us = 1; us < 2'000'000'000; us = us * 21 / 20 + 1) {
    values.push_back(us);
    histogram.add(us);
  }
  for (const double quantile : {0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(quantile * static_cast<double>(values.size())));
    const int64_t exact = values[std::max<size_t>(1, rank) - 1];
    EXPECT_GE(histogram.quantile_us(quantile), exact);
    EXPECT_LE(histogram.quantile_us(quantile), exact + exact / 32);
  }
}

TEST(LatencyHistogram, KeepsValuesOutsideItsRangeAtItsEnds) {
  LatencyHistogram histogram;
  histogram.add(-5);
  histogram.add(INT64_MAX);
  EXPECT_EQ(histogram.quantile_us(0.5), 0);
  EXPECT_EQ(histogram.quantile_us(1.0), LatencyHistogram::kLatencyMax_us);
}

TEST(LatencyHistogram, SinceGivesWhatWasAddedInBetween) {
  LatencyHistogram histogram;
  histogram.add(10);
  const LatencyHistogram earlier = histogram;
  histogram.add(50);
  EXPECT_EQ(histogram.since(earlier).count(), 1U);
  EXPECT_EQ(histogram.since(earlier).quantile_us(0.5), 50);
}

}  // namespace
}  // namespace hongbao::load
