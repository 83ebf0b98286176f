// The audit: the equations that must hold at every moment, with every term.
//
//   in each ledger:     Σ credits − Σ debits = 0, and both equal Σ transfers; no wallet or escrow is negative
//   for each shard:     escrow = unclaimed − unsettled paid + unsettled opened + unsettled refunded + deferred +
//                                pending + unpaid
//                       unclaimed = paid − opened − refunded over the whole log;  Σ packet totals = paid
//   for two ledgers:    what each has as due to the other = what is on its way between their two cursors
//
// It holds while traffic runs: the ledgers are read first, each at its cursor C, then each order store; vouchers from C
// on are the unsettled ones, and they undo exactly what the order store knows beyond the ledger; but for `unpaid`,
// packets that are in the log and whose payment is not in its ledger, which must be 0. Blocking; any thread.
#pragma once

#include <map>
#include <vector>

#include "base/clock.h"
#include "ports/ledger_store.h"
#include "ports/order_store.h"
#include "service/store_check.h"

namespace hongbao {

struct ShardAudit {
  LedgerTotals::Shard ledger;  // in the escrow's ledger
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

// What two ledgers have as due to each other, and what is on its way between them.
struct DuePair {
  LedgerId one;
  LedgerId other;
  Money due;
  Money on_its_way;

  [[nodiscard]] Money difference() const { return due.minus_clamped(on_its_way); }
};

struct AuditReport {
  Timestamp at;
  std::map<LedgerId, LedgerTotals> ledgers;
  std::vector<ShardAudit> shards;
  std::vector<DuePair> dues;
  bool deep = false;                        // every packet was read as well
  std::vector<PacketViolation> violations;  // of a deep audit

  // The ledgers' counts and sums together; without shards and dues.
  [[nodiscard]] LedgerTotals books() const;
  // The sum of all absolute differences, so that two errors can't cancel.
  [[nodiscard]] Money difference() const;
  [[nodiscard]] bool balanced() const;
};

class Audit {
 public:
  using LedgerStores = std::map<LedgerId, LedgerStore*>;
  using OrderStores = std::map<ShardId, OrderStore*>;

  // All ledgers and all shards of `all`, or of one region of it. They outlive it.
  Audit(LedgerStores ledgers, const Ledgers& all, OrderStores orders, const Clock& clock)
      : ledgers_(std::move(ledgers)), all_(all), orders_(std::move(orders)), clock_(clock) {}

  // Deep: reads every packet as well (OrderStore::violations).
  [[nodiscard]] Result<AuditReport> run(bool deep) const;

 private:
  static constexpr size_t kViolationsMax = 100;

  Result<void> read_ledgers(AuditReport& report) const;
  Result<void> read_shard(ShardId shard, OrderStore& store, AuditReport& report) const;
  Result<void> read_dues(AuditReport& report) const;
  Result<void> add_on_its_way(ShardId shard, OrderStore& store, AuditReport& report) const;

  const LedgerStores ledgers_;
  const Ledgers all_;
  const OrderStores orders_;
  const Clock& clock_;
};

}  // namespace hongbao
