// Where an entry stands in a list that is newest first: by when it happened and, within a millisecond, by `tie`, which
// no two entries of one list share then. An entry never moves, whenever and by whichever follower it is written. Pure;
// any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#include "base/clock.h"
#include "core/ids.h"

namespace hongbao {

struct ListPosition {
  Timestamp at;
  uint64_t tie = 0;  // at most INT64_MAX: stores count in int64

  friend constexpr auto operator<=>(const ListPosition&, const ListPosition&) = default;
};

// Above every entry.
inline constexpr ListPosition kListTop{{std::numeric_limits<int64_t>::max()}, std::numeric_limits<int64_t>::max()};

// The tie of what a voucher says: its shard, South first, then its number.
struct VoucherTie {
  static constexpr int kShardBits = 11;
  static constexpr int kVoucherBits = 63 - kShardBits;  // a shard would need a century of 10^6 vouchers a second
  static constexpr uint64_t kNorthFirst = ShardId::kNumberMax + 1;
  static_assert(2 * kNorthFirst <= 1ULL << kShardBits);

  static constexpr uint64_t of(ShardId shard, VoucherNo no) {
    const uint64_t number = shard.number + (shard.region == Region::kNorth ? kNorthFirst : 0);
    return number << kVoucherBits | (no.value & ((1ULL << kVoucherBits) - 1));
  }
  static constexpr ShardId shard(uint64_t tie) {
    const uint64_t number = tie >> kVoucherBits;
    return {number < kNorthFirst ? Region::kSouth : Region::kNorth, static_cast<uint16_t>(number % kNorthFirst)};
  }
  static constexpr VoucherNo voucher(uint64_t tie) { return {tie & ((1ULL << kVoucherBits) - 1)}; }
};

}  // namespace hongbao
