#include "core/allocation.h"

#include <algorithm>

#include "base/check.h"

namespace hongbao {
namespace {

void check_splittable(Money remaining, uint32_t count, ShareBounds bounds) {
  CHECK(count >= 1);
  CHECK(bounds.least >= Money(1) && bounds.least <= bounds.greatest);
  CHECK(bounds.least * count <= remaining && remaining <= bounds.greatest * count);
}

}  // namespace

Money classic_share(Money remaining, uint32_t count, ShareBounds bounds, uint64_t draw) {
  check_splittable(remaining, count, bounds);
  if (count == 1) {
    return remaining;
  }
  const Money lower = std::max(bounds.least, remaining - bounds.greatest * (count - 1));
  const Money mean_twice((remaining * 2).fen() / count);  // rounds down
  const Money upper =
      std::max(Money(1), std::min({mean_twice, remaining - bounds.least * (count - 1), bounds.greatest}));
  // The bias of the remainder is below upper / 2^64.
  const Money share(static_cast<int64_t>(draw % static_cast<uint64_t>(upper.fen())));
  return std::max(share, lower);
}

Money fair_share(Money remaining, uint32_t count, ShareBounds bounds, DrawWords words) {
  check_splittable(remaining, count, bounds);
  if (count == 1) {
    return remaining;
  }
  const int64_t twice = (remaining * 2).fen();
  const bool round_up = words.rounding % count < static_cast<uint64_t>(twice % count);
  const Money sum(twice / count + (round_up ? 1 : 0));  // least + greatest of the uniform range; its mean is 2·R/m
  const Money rest_least = remaining - bounds.greatest * (count - 1);
  const Money rest_greatest = remaining - bounds.least * (count - 1);
  const Money lower = std::max({bounds.least, sum - bounds.greatest, rest_least, sum - rest_greatest});
  const Money upper = sum - lower;
  CHECK(lower <= upper);
  const auto width = static_cast<uint64_t>((upper - lower).fen()) + 1;
  return lower + Money(static_cast<int64_t>(words.draw % width));
}

Money equal_share(Money total, uint32_t count, uint32_t seq) {
  CHECK(count >= 1 && seq >= 1 && seq <= count);
  const int64_t extra = total.fen() % count;
  return Money(total.fen() / count + (seq <= extra ? 1 : 0));
}

}  // namespace hongbao
