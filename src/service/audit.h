// The audit: the equations that must hold at every moment, with every term.
//
//   over all accounts:  Σ credits − Σ debits = 0, and both equal Σ transfers; no wallet or escrow is negative
//   for each shard:     escrow = unclaimed − unsettled paid + unsettled opened + unsettled refunded + deferred +
//                                pending + unpaid
//                       unclaimed = paid − opened − refunded over the whole log;  Σ packet totals = paid
//
// It holds while traffic runs: the ledger is read first, at its cursor C, then each order store; vouchers from C on are
// the unsettled ones, and they undo exactly what the order store knows beyond the ledger; but for `unpaid`, packets
// that are in the log and whose payment is not in the ledger, which must be 0. Blocking; any thread.
#pragma once

#include <map>
#include <vector>

#include "base/clock.h"
#include "ports/ledger_store.h"
#include "ports/order_store.h"
#include "service/store_check.h"

namespace hongbao {

struct ShardAudit {
  LedgerTotals::Shard ledger;
  OrderTotals orders;
  UnpaidVouchers unpaid{};  // among the unsettled ones

  [[nodiscard]] Money unclaimed() const {
    return orders.all.paid.minus_clamped(orders.all.opened).minus_clamped(orders.all.refunded);
  }
  [[nodiscard]] Money expected() const;
  [[nodiscard]] Money difference() const { return ledger.escrow.minus_clamped(expected()); }
  [[nodiscard]] bool rows_match() const { return orders.packets_total == orders.all.paid; }
  [[nodiscard]] uint64_t lag() const;  // vouchers not settled yet
};

struct AuditReport {
  Timestamp at;
  LedgerTotals ledger;
  std::vector<ShardAudit> shards;
  bool deep = false;                        // every packet was read as well
  std::vector<PacketViolation> violations;  // of a deep audit

  // The sum of all absolute differences, so that two errors can't cancel.
  [[nodiscard]] Money difference() const;
  [[nodiscard]] bool balanced() const;
};

class Audit {
 public:
  Audit(LedgerStore& ledger, const std::map<ShardId, OrderStore*>& orders, const Clock& clock)
      : ledger_(ledger), orders_(orders), clock_(clock) {}

  // Deep: reads every packet as well (OrderStore::violations).
  [[nodiscard]] Result<AuditReport> run(bool deep) const;

 private:
  static constexpr size_t kViolationsMax = 100;

  LedgerStore& ledger_;
  const std::map<ShardId, OrderStore*> orders_;
  const Clock& clock_;
};

}  // namespace hongbao
