// Mends what crashes and refusals left: payments whose packet was never seen active are activated again (the shard
// makes them active, or returns the money when the order has lapsed), and transfers that were refused are tried again
// with a growing pause. `step` from one thread at a time; `last_report` from any.
#pragma once

#include <map>
#include <mutex>

#include "base/clock.h"
#include "core/pay_token.h"
#include "service/ledger_writer.h"
#include "service/shard_set.h"

namespace hongbao {

struct ReconcilerOptions {
  std::chrono::milliseconds grace{5'000};             // younger pending payments are on their way
  std::chrono::milliseconds deferral{1'000};          // first pause before a refused transfer is tried again
  std::chrono::milliseconds deferral_max{3'600'000};  // it doubles up to this
};

struct ReconciliationReport {
  Timestamp at;
  uint64_t pending = 0;    // payments found without an active packet
  uint64_t activated = 0;  // their packets are active now, or were
  uint64_t returned = 0;   // they came too late; the money is on its way back
  uint64_t failed = 0;     // tried again in the next run
  uint64_t deferred = 0;   // refused transfers that were due
  uint64_t posted = 0;     // and went through now
};

class Reconciler {
 public:
  Reconciler(const ShardSet& shards, LedgerStore& store, LedgerWriter& writer, const PayTokenCodec& pay_tokens,
             const Clock& clock, ReconcilerOptions options)
      : shards_(shards), store_(store), writer_(writer), pay_tokens_(pay_tokens), clock_(clock), options_(options) {}

  Result<ReconciliationReport> step();
  [[nodiscard]] ReconciliationReport last_report() const;

 private:
  static constexpr size_t kPaymentsAtOnceMax = 1'000;
  static constexpr size_t kTransfersAtOnceMax = 1'000;

  Result<void> activate_pending(ReconciliationReport& report);
  void activate(Shard& shard, const std::vector<PendingPayment>& pending, ReconciliationReport& report);
  Result<void> retry_deferred(ReconciliationReport& report);
  [[nodiscard]] std::chrono::milliseconds pause_after(uint32_t attempts) const;

  const ShardSet& shards_;
  LedgerStore& store_;
  LedgerWriter& writer_;
  const PayTokenCodec& pay_tokens_;
  const Clock& clock_;
  const ReconcilerOptions options_;
  std::mutex step_mutex_;  // the schedule and an operator's call must not run at once
  mutable std::mutex mutex_;
  ReconciliationReport last_;  // guarded by mutex_
};

}  // namespace hongbao
