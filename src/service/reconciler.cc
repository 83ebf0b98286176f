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
  for (const auto& ledger : ledgers_.all()) {
    for (const ShardId id : shards_.owned()) {
      const auto pending = ledger->store.pending(id, run.report.at - options_.grace, kPaymentsAtOnceMax);
      if (!pending) {
        return std::unexpected(pending.error());
      }
      for (const PendingPayment& payment : *pending) {
        add_pending(run, *ledger, payment);
      }
    }
  }
  return {};
}

void Reconciler::add_pending(Run& run, Ledger& ledger, const PendingPayment& payment) {
  ++run.report.pending;
  auto order = pay_tokens_.parse(payment.pay_token);
  if (order && order->key == payment.packet) {
    run.payments.push_back({std::move(*order), payment.transfer_id, &ledger});
    return;
  }
  if (const auto left_out = log_turn("pending_payment_unreadable", to_text(payment.packet.shard))) {
    log_error("pending_payment_unreadable", {{"shard", to_text(payment.packet.shard)}, {"suppressed", *left_out}});
  }
  ++run.report.failed;
}

Result<void> Reconciler::read_deferred(Run& run) {
  for (const auto& ledger : ledgers_.all()) {
    std::vector<DeferredTransfer> retries;
    for (const ShardId id : shards_.owned()) {
      auto due = ledger->store.deferred(id, run.report.at, kTransfersAtOnceMax);
      if (!due) {
        return std::unexpected(due.error());
      }
      run.report.deferred += due->size();
      std::ranges::move(*due, std::back_inserter(retries));
    }
    for (DeferredTransfer& transfer : retries) {
      transfer.next_at = run.report.at + pause_after(transfer.attempts + 1);
    }
    if (!retries.empty()) {
      run.retries.emplace_back(ledger.get(), std::move(retries));
    }
  }
  return {};
}

void Reconciler::activate_pending(std::shared_ptr<Run> run) {
  const SteadyTime deadline = clock_.steady_now() + kDeadline;
  ask_all<ShardAnswer>(
      run->payments.size(),
      [&](size_t i, Done<ShardAnswer> answered) {
        const Payment& payment = run->payments[i];
        shards_.find(payment.order.key.shard)
            ->submit(ActivateCommand{payment.order, payment.ledger->id()}, deadline, std::move(answered));
      },
      [this, run](auto answers) {
        ReconciliationReport& report = run->report;
        std::vector<Payment> given_back;
        for (size_t i = 0; i < answers.size(); ++i) {
          const auto& answer = answers[i];
          if (answer && answer->stands_on_another) {
            given_back.push_back(std::move(run->payments[i]));
          } else {
            ++(!answer                                      ? report.failed
               : answer->outcome == ShardOutcome::kReturned ? report.returned
                                                            : report.activated);
          }
        }
        run->payments = std::move(given_back);
        give_back_payments(run);
      });
}

// Those that their packets don't stand on.
void Reconciler::give_back_payments(std::shared_ptr<Run> run) {
  const SteadyTime deadline = clock_.steady_now() + kDeadline;
  ask_all<GivenBack>(
      run->payments.size(),
      [&](size_t i, Done<GivenBack> answered) {
        const Payment& payment = run->payments[i];
        payment.ledger->writer.find(payment.transfer_id, [this, payment, deadline,
                                                          answered = std::move(answered)](auto posted) mutable {
          if (!posted || !*posted) {
            answered(posted ? fail(ErrorCode::kInternal, "a pending payment has no transfer")
                            : std::unexpected(posted.error()));
            return;
          }
          give_back(ledgers_, *payment.ledger, payment.order, **posted, clock_.now(), deadline, std::move(answered));
        });
      },
      [this, run](auto answers) {
        for (const auto& answer : answers) {
          ++(answer ? run->report.returned : run->report.failed);
        }
        retry_deferred(run);
      });
}

void Reconciler::retry_deferred(std::shared_ptr<Run> run) {
  ask_all<std::vector<RetryOutcome>>(
      run->retries.size(),
      [&](size_t i, Done<std::vector<RetryOutcome>> answered) {
        auto& [ledger, retries] = run->retries[i];
        ledger->writer.retry(std::move(retries), std::move(answered));
      },
      [this, run](auto retried) {
        for (const auto& outcomes : retried) {
          if (!outcomes) {
            run->done(std::unexpected(outcomes.error()));
            return;
          }
          run->report.posted += static_cast<uint64_t>(std::ranges::count(*outcomes, RetryOutcome::kPosted));
        }
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
