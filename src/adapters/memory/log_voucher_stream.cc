#include "adapters/memory/log_voucher_stream.h"

namespace hongbao {

void LogVoucherStream::publish(ShardId, std::span<const Voucher>) {
  {
    const std::scoped_lock lock(mutex_);
    ++generation_;
  }
  published_.notify_all();
}

Result<std::vector<Voucher>> LogVoucherStream::fetch(ShardId shard, VoucherNo from, size_t vouchers_max) {
  const auto store = stores_.find(shard);
  if (store == stores_.end()) {
    return std::vector<Voucher>();
  }
  return store->second->read_log(from, vouchers_max);
}

void LogVoucherStream::wait(uint64_t& seen, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  published_.wait_for(lock, timeout, [&] { return generation_ != seen; });
  seen = generation_;
}

}  // namespace hongbao
