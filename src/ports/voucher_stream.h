// Carries committed vouchers from shards to their followers (settlement, inbox). The log in the order store is the
// truth; the stream only makes following it quick. A delivery may be lost, repeated or late: the follower
// (service/log_follower.h) compares with its cursor and reads gaps back from the order store.
//
// Threads: any.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/voucher.h"

namespace hongbao {

// Who follows the stream; each has places of its own in it.
enum class Follower : uint8_t { kSettlement, kInbox };
inline constexpr int kFollowers = 2;

constexpr std::string_view to_text(Follower follower) {
  constexpr std::array<std::string_view, kFollowers> names{"settlement", "inbox"};
  return names[static_cast<size_t>(follower)];
}

class VoucherStream {
 public:
  virtual ~VoucherStream() = default;

  // After the commit that holds them. Never blocks for long, and may drop.
  virtual void publish(ShardId shard, std::span<const Voucher> vouchers) = 0;

  // Vouchers of `shard` numbered `from` and up, ascending, as far as they have come for `follower`. May be empty, and
  // may begin later than `from`. The first call makes `follower` one of the shard's followers in this process.
  virtual Result<std::vector<Voucher>> fetch(Follower follower, ShardId shard, VoucherNo from, size_t vouchers_max) = 0;
  // `follower` has committed what it made of everything below `upto`: that need not come again.
  virtual void acknowledge(Follower follower, ShardId shard, VoucherNo upto) = 0;
  // `follower` no longer follows `shard` in this process: what has not been acknowledged comes to another process.
  virtual void leave(Follower follower, ShardId shard) = 0;

  // Returns when something came for any follower since the caller's last `wait` with the same `seen`, or after
  // `timeout`. `seen` starts at 0 and is updated.
  virtual void wait(uint64_t& seen, std::chrono::milliseconds timeout) = 0;
};

}  // namespace hongbao
