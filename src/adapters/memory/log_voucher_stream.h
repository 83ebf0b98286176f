// The embedded voucher stream. What was published lately is kept in memory, so that followers which keep pace never ask
// a database; whatever is older, or was never published, is read from the stored log itself. So nothing can be lost
// here, and a follower that lags costs no memory.
//
// Threads: any.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "ports/voucher_log.h"
#include "ports/voucher_stream.h"

namespace hongbao {

class LogVoucherStream final : public VoucherStream {
 public:
  // For each shard; about a second of the fastest opening.
  static constexpr size_t kRecentVouchersMax = 65'536;

  // The logs outlive the stream.
  explicit LogVoucherStream(const VoucherLogs& logs);

  void publish(ShardId shard, Term term, std::span<const Voucher> vouchers) override;
  // Nothing for a shard that is not in this process.
  Result<std::vector<Voucher>> fetch(Follower follower, const Want& want) override;
  void acknowledge(Follower, ShardId, VoucherNo) override {}
  void leave(Follower, ShardId) override {}
  void wait(uint64_t& seen, std::chrono::milliseconds timeout) override;

 private:
  using Batch = std::shared_ptr<const std::vector<Voucher>>;
  struct Log {
    explicit Log(VoucherLog& of) : stored(of) {}

    VoucherLog& stored;
    std::mutex mutex;
    // As they were published in one term, without a gap between them; guarded by mutex.
    Term term;
    std::deque<Batch> recent;
    size_t recent_vouchers = 0;
  };
  static void keep(Log& log, Term term, Batch batch);
  // Batches that hold what `from` names and the vouchers behind it; none when it is not in memory. Vouchers are copied
  // by the follower without the lock, so that it never holds up the shard's writer.
  static std::vector<Batch> find_recent(Log& log, const Want& want);

  std::map<ShardId, std::unique_ptr<Log>> logs_;
  std::mutex mutex_;
  std::condition_variable published_;
  uint64_t generation_ = 0;  // counts publications
};

}  // namespace hongbao
