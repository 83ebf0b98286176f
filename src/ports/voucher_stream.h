// Carries committed vouchers from shards to their followers (settlement, inbox). The log in the order store is the
// truth; the stream only makes following it quick. A delivery may be lost, repeated or late: the follower
// (service/log_follower.h) compares with its cursor and reads gaps back from the order store.
//
// Threads: any.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "base/result.h"
#include "core/voucher.h"

namespace hongbao {

class VoucherStream {
 public:
  virtual ~VoucherStream() = default;

  // After the commit that holds them. Never blocks for long, and may drop.
  virtual void publish(ShardId shard, std::span<const Voucher> vouchers) = 0;

  // Vouchers of `shard` numbered `from` and up, ascending, as far as they are known here. May be empty, and may begin
  // later than `from`.
  virtual Result<std::vector<Voucher>> fetch(ShardId shard, VoucherNo from, size_t vouchers_max) = 0;

  // Returns when something was published since the caller's last `wait` with the same `seen`, or after `timeout`.
  // `seen` starts at 0 and is updated.
  virtual void wait(uint64_t& seen, std::chrono::milliseconds timeout) = 0;
};

}  // namespace hongbao
