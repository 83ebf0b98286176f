// The embedded voucher stream. What was published lately is kept in memory, so that followers which keep pace never ask
// a database; whatever is older, or was never published, is read from the order store's log itself. So nothing can be
// lost here, and a follower that lags costs no memory.
//
// Threads: any.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "ports/order_store.h"
#include "ports/voucher_stream.h"

namespace hongbao {

class LogVoucherStream final : public VoucherStream {
 public:
  // For each shard; about a second of the fastest opening.
  static constexpr size_t kRecentVouchersMax = 65'536;

  // The stores outlive the stream.
  explicit LogVoucherStream(const std::map<ShardId, OrderStore*>& stores);

  void publish(ShardId shard, std::span<const Voucher> vouchers) override;
  // Nothing for a shard that is not in this process.
  Result<std::vector<Voucher>> fetch(ShardId shard, VoucherNo from, size_t vouchers_max) override;
  void wait(uint64_t& seen, std::chrono::milliseconds timeout) override;

 private:
  struct Log {
    explicit Log(OrderStore& of) : store(of) {}

    OrderStore& store;
    std::mutex mutex;
    std::deque<Voucher> recent;  // without a gap; guarded by mutex
  };
  // nullopt: what `from` names is not in memory.
  static std::optional<std::vector<Voucher>> fetch_recent(Log& log, VoucherNo from, size_t vouchers_max);

  std::map<ShardId, std::unique_ptr<Log>> logs_;
  std::mutex mutex_;
  std::condition_variable published_;
  uint64_t generation_ = 0;  // counts publications
};

}  // namespace hongbao
