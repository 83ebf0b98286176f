// What a shard committed together, as it travels between processes. A queue between them may be anybody's, so a message
// is believed only with a MAC under a key that the nodes share, over all that it says: the shard and so its region, the
// owner's term, the vouchers' numbers, and the vouchers. docs/FORMATS.md has the layout. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "core/key_ring.h"
#include "core/voucher.h"

namespace hongbao {

// One owner's time with a shard. The epoch alone does not tell two terms apart: a shard that went back to an older copy
// of itself gives an epoch for the second time. So the time at which the shard was taken is in it too.
struct Term {
  uint64_t value = 0;  // 0: nobody had the shard yet

  static constexpr Term of(uint32_t epoch, Timestamp taken_at) {
    return {static_cast<uint64_t>(epoch) << 32 | static_cast<uint32_t>(taken_at.unix_ms)};
  }
  [[nodiscard]] constexpr uint32_t epoch() const { return static_cast<uint32_t>(value >> 32); }
  friend constexpr bool operator==(Term, Term) = default;
};

struct VoucherBatch {
  ShardId shard;
  Term term;
  std::vector<Voucher> vouchers;  // of the shard, numbered without a gap; not empty

  friend bool operator==(const VoucherBatch&, const VoucherBatch&) = default;
};

class VoucherBatchCodec {
 public:
  explicit VoucherBatchCodec(Subkeys<Key256> keys) : keys_(keys) {}

  // REQUIRES: as VoucherBatch says.
  [[nodiscard]] std::string print(const VoucherBatch& batch) const;
  // nullopt for what `print` did not make for this shard under the same key, and for what no shard can write.
  [[nodiscard]] std::optional<VoucherBatch> parse(ShardId shard, std::string_view message) const;

 private:
  const Subkeys<Key256> keys_;
};

}  // namespace hongbao
