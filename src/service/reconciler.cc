#include "service/reconciler.h"

#include <algorithm>

#include "base/log.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

constexpr std::chrono::seconds kDeadline{10};

}  // namespace

Result<ReconciliationReport> Reconciler::step() {
  const std::lock_guard step_lock(step_mutex_);
  ReconciliationReport report{.at = clock_.now()};
  if (auto done = activate_pending(report); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = retry_deferred(report); !done) {
    return std::unexpected(done.error());
  }
  const std::lock_guard lock(mutex_);
  last_ = report;
  return report;
}

ReconciliationReport Reconciler::last_report() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

// Shard by shard, so that one which can't activate now does not hold up the others.
Result<void> Reconciler::activate_pending(ReconciliationReport& report) {
  for (const ShardId id : shards_.ids()) {
    const auto pending = store_.pending(id, report.at - options_.grace, kPaymentsAtOnceMax);
    if (!pending) {
      return std::unexpected(pending.error());
    }
    activate(*shards_.find(id), *pending, report);
  }
  if (report.pending > 0) {
    log_info("payments_reconciled", {{"pending", report.pending},
                                     {"activated", report.activated},
                                     {"returned", report.returned},
                                     {"failed", report.failed}});
  }
  return {};
}

void Reconciler::activate(Shard& shard, const std::vector<PendingPayment>& pending, ReconciliationReport& report) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + kDeadline;
  std::vector<std::future<Result<ShardAnswer>>> answers;
  for (const PendingPayment& payment : pending) {
    ++report.pending;
    const auto order = pay_tokens_.parse(payment.pay_token);
    if (!order) {
      log_error("pending_payment_unreadable", {{"shard", to_text(shard.id())}});
      ++report.failed;
      continue;
    }
    answers.push_back(
        ask<ShardAnswer>([&](auto done) { shard.submit(ActivateCommand{*order}, deadline, std::move(done)); }));
  }
  for (auto& answer : answers) {
    const auto result = answer.get();
    uint64_t& counter = !result                                      ? report.failed
                        : result->outcome == ShardOutcome::kReturned ? report.returned
                                                                     : report.activated;
    ++counter;
  }
}

std::chrono::milliseconds Reconciler::pause_after(uint32_t attempts) const {
  auto pause = options_.deferral;
  for (uint32_t i = 0; i < attempts && pause < options_.deferral_max; ++i) {
    pause *= 2;
  }
  return std::min(pause, options_.deferral_max);
}

Result<void> Reconciler::retry_deferred(ReconciliationReport& report) {
  auto due = store_.deferred(report.at, kTransfersAtOnceMax);
  if (!due) {
    return std::unexpected(due.error());
  }
  report.deferred = due->size();
  if (due->empty()) {
    return {};
  }
  for (DeferredTransfer& transfer : *due) {
    transfer.next_at = report.at + pause_after(transfer.attempts + 1);
  }
  const auto retried = writer_.retry(std::move(*due));
  if (!retried) {
    return std::unexpected(retried.error());
  }
  report.posted = static_cast<uint64_t>(std::count(retried->begin(), retried->end(), true));
  log_info("deferred_transfers_retried", {{"due", report.deferred}, {"posted", report.posted}});
  return {};
}

}  // namespace hongbao
