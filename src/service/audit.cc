#include "service/audit.h"

#include <algorithm>

namespace hongbao {
namespace {

Money absolute(Money amount) {
  return std::max(amount, Money(0).minus_clamped(amount));
}

}  // namespace

Money ShardAudit::expected() const {
  const auto& unsettled = orders.unsettled;
  return unclaimed()
      .minus_clamped(unsettled.paid)
      .plus_clamped(unsettled.opened)
      .plus_clamped(unsettled.refunded)
      .plus_clamped(ledger.deferred)
      .plus_clamped(ledger.pending)
      .plus_clamped(unpaid.total);
}

uint64_t ShardAudit::lag() const {
  return orders.next_voucher > ledger.cursor ? orders.next_voucher.value - ledger.cursor.value : 0;
}

Money AuditReport::difference() const {
  Money sum = absolute(ledger.sum_over_accounts)
                  .plus_clamped(absolute(ledger.sum_over_transfers.minus_clamped(ledger.debits_posted)));
  for (const ShardAudit& shard : shards) {
    sum = sum.plus_clamped(absolute(shard.difference()))
              .plus_clamped(absolute(shard.orders.packets_total.minus_clamped(shard.orders.all.paid)));
  }
  return sum;
}

bool AuditReport::balanced() const {
  const auto is_of_another_moment = [](const ShardAudit& shard) {
    return shard.ledger.cursor > shard.orders.next_voucher || shard.unpaid.count > 0;
  };
  return std::ranges::none_of(shards, is_of_another_moment) && difference() == Money(0) &&
         ledger.accounts_negative == 0 && violations.empty();
}

Result<AuditReport> Audit::run(bool deep) const {
  AuditReport report{.at = clock_.now(), .deep = deep};
  std::vector<ShardId> ids;
  for (const auto& [id, store] : orders_) {
    ids.push_back(id);
  }
  auto ledger = ledger_.totals(ids);
  if (!ledger) {
    return std::unexpected(ledger.error());
  }
  report.ledger = std::move(*ledger);
  for (const LedgerTotals::Shard& shard : report.ledger.shards) {
    OrderStore& store = *orders_.at(shard.shard);
    auto orders = store.totals(shard.cursor);
    const auto unpaid = orders ? find_unpaid(ledger_, store, shard.cursor, orders->next_voucher)
                               : Result<UnpaidVouchers>(std::unexpected(orders.error()));
    if (!unpaid) {
      return std::unexpected(unpaid.error());
    }
    report.shards.push_back({shard, *orders, *unpaid});
    if (!deep) {
      continue;
    }
    auto violations = store.violations(kViolationsMax);
    if (!violations) {
      return std::unexpected(violations.error());
    }
    report.violations.insert(report.violations.end(), violations->begin(), violations->end());
  }
  return report;
}

}  // namespace hongbao
