// The embedded voucher stream: followers read the order store's log itself, and `publish` only wakes them. Nothing is
// held here, so nothing can be lost, and a follower that lags costs no memory.
//
// Threads: any.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "ports/order_store.h"
#include "ports/voucher_stream.h"

namespace hongbao {

class LogVoucherStream final : public VoucherStream {
 public:
  // The stores outlive the stream.
  explicit LogVoucherStream(std::map<ShardId, OrderStore*> stores) : stores_(std::move(stores)) {}

  void publish(ShardId shard, std::span<const Voucher> vouchers) override;
  // Nothing for a shard that is not in this process.
  Result<std::vector<Voucher>> fetch(ShardId shard, VoucherNo from, size_t vouchers_max) override;
  void wait(uint64_t& seen, std::chrono::milliseconds timeout) override;

 private:
  const std::map<ShardId, OrderStore*> stores_;
  std::mutex mutex_;
  std::condition_variable published_;
  uint64_t generation_ = 0;  // counts publications
};

}  // namespace hongbao
