#include "adapters/memory/log_voucher_stream.h"

#include <algorithm>

namespace hongbao {

LogVoucherStream::LogVoucherStream(const VoucherLogs& logs) {
  for (const auto& [shard, log] : logs) {
    logs_.emplace(shard, std::make_unique<Log>(*log));
  }
}

void LogVoucherStream::publish(ShardId shard, Term term, std::span<const Voucher> vouchers) {
  if (const auto log = logs_.find(shard); log != logs_.end() && !vouchers.empty()) {
    keep(*log->second, term, std::make_shared<const std::vector<Voucher>>(vouchers.begin(), vouchers.end()));
  }
  {
    const std::scoped_lock lock(mutex_);
    ++generation_;
  }
  published_.notify_all();
}

void LogVoucherStream::keep(Log& log, Term term, Batch batch) {
  std::vector<Batch> dropped;  // ends behind the lock
  const std::scoped_lock lock(log.mutex);
  if (!log.recent.empty() && (log.term != term || log.recent.back()->back().no + 1 != batch->front().no)) {
    dropped.assign(log.recent.begin(), log.recent.end());
    log.recent.clear();
    log.recent_vouchers = 0;
  }
  log.term = term;
  log.recent_vouchers += batch->size();
  log.recent.push_back(std::move(batch));
  while (log.recent_vouchers > kRecentVouchersMax) {
    log.recent_vouchers -= log.recent.front()->size();
    dropped.push_back(std::move(log.recent.front()));
    log.recent.pop_front();
  }
}

std::vector<LogVoucherStream::Batch> LogVoucherStream::find_recent(Log& log, const Want& want) {
  const std::scoped_lock lock(log.mutex);
  if (log.recent.empty() || log.term != want.term || want.from < log.recent.front()->front().no) {
    return {};
  }
  auto batch = std::ranges::upper_bound(log.recent, want.from, {}, [](const Batch& each) { return each->front().no; });
  const VoucherNo end = want.from + want.vouchers_max;
  std::vector<Batch> found;
  for (--batch; batch != log.recent.end() && (*batch)->front().no < end; ++batch) {
    found.push_back(*batch);
  }
  return found;
}

Result<std::vector<Voucher>> LogVoucherStream::fetch(Follower, const Want& want) {
  const auto log = logs_.find(want.shard);
  if (log == logs_.end()) {
    return std::vector<Voucher>();
  }
  const auto batches = find_recent(*log->second, want);
  if (batches.empty() || want.from > batches.back()->back().no + 1) {
    return log->second->stored.read_log(want.from, want.vouchers_max);
  }
  std::vector<Voucher> vouchers;
  for (const Batch& batch : batches) {
    const auto begin = std::ranges::lower_bound(*batch, want.from, {}, &Voucher::no);
    const auto count =
        std::min<ptrdiff_t>(batch->end() - begin, static_cast<ptrdiff_t>(want.vouchers_max - vouchers.size()));
    vouchers.insert(vouchers.end(), begin, begin + count);
  }
  return vouchers;
}

void LogVoucherStream::wait(uint64_t& seen, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  published_.wait_for(lock, timeout, [&] { return generation_ != seen; });
  seen = generation_;
}

}  // namespace hongbao
