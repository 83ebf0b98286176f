#include "adapters/memory/log_voucher_stream.h"

#include <algorithm>

namespace hongbao {

LogVoucherStream::LogVoucherStream(const std::map<ShardId, OrderStore*>& stores) {
  for (const auto& [shard, store] : stores) {
    logs_.emplace(shard, std::make_unique<Log>(*store));
  }
}

void LogVoucherStream::publish(ShardId shard, std::span<const Voucher> vouchers) {
  if (const auto log = logs_.find(shard); log != logs_.end() && !vouchers.empty()) {
    const std::scoped_lock lock(log->second->mutex);
    auto& recent = log->second->recent;
    if (!recent.empty() && recent.back().no + 1 != vouchers.front().no) {
      recent.clear();
    }
    recent.insert(recent.end(), vouchers.begin(), vouchers.end());
    const size_t excess = recent.size() - std::min(recent.size(), kRecentVouchersMax);
    recent.erase(recent.begin(), recent.begin() + static_cast<ptrdiff_t>(excess));
  }
  {
    const std::scoped_lock lock(mutex_);
    ++generation_;
  }
  published_.notify_all();
}

std::optional<std::vector<Voucher>> LogVoucherStream::fetch_recent(Log& log, VoucherNo from, size_t vouchers_max) {
  const std::scoped_lock lock(log.mutex);
  const auto& recent = log.recent;
  if (recent.empty() || from < recent.front().no || from > recent.back().no + 1) {
    return std::nullopt;
  }
  const size_t first = from.value - recent.front().no.value;
  const size_t count = std::min(vouchers_max, recent.size() - first);
  const auto begin = recent.begin() + static_cast<ptrdiff_t>(first);
  return std::vector<Voucher>(begin, begin + static_cast<ptrdiff_t>(count));
}

Result<std::vector<Voucher>> LogVoucherStream::fetch(ShardId shard, VoucherNo from, size_t vouchers_max) {
  const auto log = logs_.find(shard);
  if (log == logs_.end()) {
    return std::vector<Voucher>();
  }
  if (auto recent = fetch_recent(*log->second, from, vouchers_max)) {
    return std::move(*recent);
  }
  return log->second->store.read_log(from, vouchers_max);
}

void LogVoucherStream::wait(uint64_t& seen, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  published_.wait_for(lock, timeout, [&] { return generation_ != seen; });
  seen = generation_;
}

}  // namespace hongbao
