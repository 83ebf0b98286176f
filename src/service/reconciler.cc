#include "service/reconciler.h"

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "base/log_rate.h"
#include "service/ask_all.h"

namespace hongbao {
namespace {

constexpr std::chrono::seconds kDeadline{10};

}  // namespace

void Reconciler::step(Done<ReconciliationReport> done) {
  auto run = std::make_shared<Run>(ReconciliationReport{.at = clock_.now()});
  auto read = read_pending(*run);
  if (read) {
    read = read_deferred(*run);
  }
  if (!read) {
    done(std::unexpected(read.error()));
    return;
  }
  run->done = std::move(done);
  activate_pending(std::move(run));
}

ReconciliationReport Reconciler::last_report() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

Result<void> Reconciler::read_pending(Run& run) {
  for (const ShardId id : shards_.owned()) {
    const auto pending = store_.pending(id, run.report.at - options_.grace, kPaymentsAtOnceMax);
    if (!pending) {
      return std::unexpected(pending.error());
    }
    for (const PendingPayment& payment : *pending) {
      ++run.report.pending;
      auto order = pay_tokens_.parse(payment.pay_token);
      if (order && order->key == payment.packet) {
        run.orders.push_back(std::move(*order));
      } else {
        if (const auto left_out = log_turn("pending_payment_unreadable", to_text(id))) {
          log_error("pending_payment_unreadable", {{"shard", to_text(id)}, {"suppressed", *left_out}});
        }
        ++run.report.failed;
      }
    }
  }
  return {};
}

Result<void> Reconciler::read_deferred(Run& run) {
  for (const ShardId id : shards_.owned()) {
    auto due = store_.deferred(id, run.report.at, kTransfersAtOnceMax);
    if (!due) {
      return std::unexpected(due.error());
    }
    run.report.deferred += due->size();
    std::ranges::move(*due, std::back_inserter(run.retries));
  }
  for (DeferredTransfer& transfer : run.retries) {
    transfer.next_at = run.report.at + pause_after(transfer.attempts + 1);
  }
  return {};
}

void Reconciler::activate_pending(std::shared_ptr<Run> run) {
  const SteadyTime deadline = clock_.steady_now() + kDeadline;
  const std::vector<Order> orders = std::move(run->orders);
  ask_all<ShardAnswer>(
      orders.size(),
      [&](size_t i, Done<ShardAnswer> answered) {
        shards_.find(orders[i].key.shard)
            ->submit(ActivateCommand{orders[i], writer_.place().self}, deadline, std::move(answered));
      },
      [this, run](auto answers) {
        ReconciliationReport& report = run->report;
        for (const auto& answer : answers) {
          ++(!answer ? report.failed : answer->outcome == ShardOutcome::kReturned ? report.returned : report.activated);
        }
        retry_deferred(run);
      });
}

void Reconciler::retry_deferred(std::shared_ptr<Run> run) {
  if (run->retries.empty()) {
    finish(*run);
    return;
  }
  std::vector<DeferredTransfer> retries = std::move(run->retries);
  writer_.retry(std::move(retries), [this, run](Result<std::vector<RetryOutcome>> retried) {
    if (!retried) {
      run->done(std::unexpected(retried.error()));
      return;
    }
    run->report.posted = static_cast<uint64_t>(std::ranges::count(*retried, RetryOutcome::kPosted));
    finish(*run);
  });
}

void Reconciler::finish(Run& run) {
  const ReconciliationReport& report = run.report;
  if (report.pending > 0) {
    log_info("payments_reconciled", {{"pending", report.pending},
                                     {"activated", report.activated},
                                     {"returned", report.returned},
                                     {"failed", report.failed}});
  }
  if (report.deferred > 0) {
    log_info("deferred_transfers_retried", {{"due", report.deferred}, {"posted", report.posted}});
  }
  {
    const std::lock_guard lock(mutex_);
    last_ = report;
  }
  run.done(report);
}

std::chrono::milliseconds Reconciler::pause_after(uint32_t attempts) const {
  auto pause = options_.deferral;
  for (uint32_t i = 0; i < attempts && pause < options_.deferral_max; ++i) {
    pause *= 2;
  }
  return std::min(pause, options_.deferral_max);
}

}  // namespace hongbao
