// Mends what crashes and refusals left in the shards that are owned here: payments whose packet was never seen active
// are activated again (the shard makes them active, or returns the money when the order has lapsed; or they are given
// back, when the packet stands on another ledger's payment), and transfers that
// were refused are tried again with a growing pause. Any thread. Runs may overlap (the schedule's and an operator's):
// all they ask for is idempotent.
#pragma once

#include <map>
#include <mutex>

#include "base/clock.h"
#include "core/pay_token.h"
#include "service/give_back.h"
#include "service/shard_set.h"

namespace hongbao {

struct ReconcilerOptions {
  std::chrono::milliseconds grace{};         // younger pending payments are on their way
  std::chrono::milliseconds deferral{};      // first pause before a refused transfer is tried again
  std::chrono::milliseconds deferral_max{};  // it doubles up to this
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
  Reconciler(const ShardSet& shards, const LedgerSet& ledgers, const PayTokenCodec& pay_tokens, const Clock& clock,
             ReconcilerOptions options)
      : shards_(shards), ledgers_(ledgers), pay_tokens_(pay_tokens), clock_(clock), options_(options) {}

  // Reads what there is to mend, and calls back when it was tried: inline, in a shard's writer step or in the ledger
  // writer's. Errors: those of the ledger's store and of LedgerCommitter::retry. A payment that can't be activated now
  // is none: it is counted as failed.
  void step(Done<ReconciliationReport> done);
  // Of the run that ended last; all zero before the first.
  [[nodiscard]] ReconciliationReport last_report() const;

 private:
  static constexpr size_t kPaymentsAtOnceMax = 1'000;
  static constexpr size_t kTransfersAtOnceMax = 1'000;

  struct Payment {
    Order order;
    std::string transfer_id;
    Ledger* ledger;  // that has it
  };
  struct Run {
    ReconciliationReport report;
    std::vector<Payment> payments;  // that are pending
    std::vector<std::pair<Ledger*, std::vector<DeferredTransfer>>> retries;
    Done<ReconciliationReport> done;
  };
  Result<void> read_pending(Run& run);
  void add_pending(Run& run, Ledger& ledger, const PendingPayment& payment);
  Result<void> read_deferred(Run& run);
  void activate_pending(std::shared_ptr<Run> run);
  void give_back_payments(std::shared_ptr<Run> run);
  void retry_deferred(std::shared_ptr<Run> run);
  void finish(Run& run);
  [[nodiscard]] std::chrono::milliseconds pause_after(uint32_t attempts) const;

  const ShardSet& shards_;
  const LedgerSet& ledgers_;
  const PayTokenCodec& pay_tokens_;
  const Clock& clock_;
  const ReconcilerOptions options_;
  mutable std::mutex mutex_;
  ReconciliationReport last_;  // guarded by mutex_
};

}  // namespace hongbao
