#include "apps/server/schedule.h"

#include "base/log.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

constexpr std::chrono::seconds kFrozenAccountsEvery{1};

}  // namespace

Schedule::Schedule(UseCases& use_cases, const ShardSet& shards, const Settings& settings,
                   prometheus::Registry& registry)
    : use_cases_(use_cases),
      shards_(shards),
      audit_difference_(add_gauge(registry, "hongbao_conservation_difference_fen",
                                  "Difference of the last audit's equations; anything but 0 is an alarm.")),
      settlement_lag_(add_gauge(registry, "hongbao_settlement_lag_vouchers", "Vouchers not settled yet.")),
      frozen_accounts_(kFrozenAccountsEvery, [this] { (void)use_cases_.frozen_accounts.refresh(); }),
      refunds_(settings.refunds_interval, [this] { refund(); }),
      reconciliation_(settings.reconciliation_interval,
                      [this] {
                        measure_lag();
                        reconcile();
                      }),
      auditing_(settings.audit_interval, [this] { run_audit(); }),
      archiving_(settings.archive_interval, [this] { use_cases_.archiver.step(); }) {}

void Schedule::start() {
  frozen_accounts_.start();
  refunds_.start();
  reconciliation_.start();
  auditing_.start();
  archiving_.start();
}

void Schedule::stop() {
  frozen_accounts_.stop();
  refunds_.stop();
  reconciliation_.stop();
  auditing_.stop();
  archiving_.stop();
}

void Schedule::refund() {
  (void)ask<size_t>([&](auto done) { use_cases_.refunder.step(std::move(done)); }).get();
}

void Schedule::measure_lag() {
  uint64_t lag = 0;
  for (const ShardId id : shards_.ids()) {
    const VoucherNo next = shards_.find(id)->status().next_voucher;
    uint64_t behind = 0;  // of the ledger that is furthest behind
    for (const auto& ledger : use_cases_.ledgers.all()) {
      const auto cursor = ledger->store.cursor(id);
      behind = std::max(behind, cursor && *cursor < next ? next.value - cursor->value : 0);
    }
    lag += behind;
  }
  settlement_lag_.Set(static_cast<double>(lag));
}

void Schedule::reconcile() {
  const auto report = ask<ReconciliationReport>([&](auto done) { use_cases_.reconciler.step(std::move(done)); }).get();
  if (!report) {
    log_warn("reconciliation_failed", {{"error", report.error().detail}});
  }
}

void Schedule::run_audit() {
  const auto report = use_cases_.audit.run(/*deep=*/false);
  if (!report) {
    log_warn("audit_failed", {{"error", report.error().detail}});
    return;
  }
  audit_difference_.Set(static_cast<double>(report->difference().fen()));
  if (!report->balanced()) {
    log_error("audit_unbalanced", {{"difference", report->difference().fen()}});
  }
}

}  // namespace hongbao
