#include "service/audit.h"

#include <algorithm>
#include <iterator>

namespace hongbao {
namespace {

constexpr size_t kVouchersAtOnce = 4'096;

// REQUIRES: the ledger and the shard are in the report.
const LedgerTotals::Shard& shard_in(const AuditReport& report, LedgerId ledger, ShardId shard) {
  return *std::ranges::find(report.ledgers.at(ledger).shards, shard, &LedgerTotals::Shard::shard);
}

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

LedgerTotals AuditReport::books() const {
  LedgerTotals sum;
  for (const auto& [id, ledger] : ledgers) {
    sum.accounts += ledger.accounts;
    sum.transfers += ledger.transfers;
    sum.sum_over_accounts = sum.sum_over_accounts.plus_clamped(ledger.sum_over_accounts);
    sum.sum_over_transfers = sum.sum_over_transfers.plus_clamped(ledger.sum_over_transfers);
    sum.debits_posted = sum.debits_posted.plus_clamped(ledger.debits_posted);
    sum.credits_posted = sum.credits_posted.plus_clamped(ledger.credits_posted);
    sum.accounts_negative += ledger.accounts_negative;
  }
  return sum;
}

Money AuditReport::difference() const {
  Money sum;
  for (const auto& [id, ledger] : ledgers) {
    sum = sum.plus_clamped(absolute(ledger.sum_over_accounts))
              .plus_clamped(absolute(ledger.sum_over_transfers.minus_clamped(ledger.debits_posted)));
  }
  for (const ShardAudit& shard : shards) {
    sum = sum.plus_clamped(absolute(shard.difference()))
              .plus_clamped(absolute(shard.orders.packets_total.minus_clamped(shard.orders.all.paid)));
  }
  for (const DuePair& pair : dues) {
    sum = sum.plus_clamped(absolute(pair.difference()));
  }
  return sum;
}

bool AuditReport::balanced() const {
  std::map<ShardId, VoucherNo> ends;
  for (const ShardAudit& shard : shards) {
    ends.emplace(shard.ledger.shard, shard.orders.next_voucher);
  }
  const auto is_ahead = [&](const LedgerTotals::Shard& shard) { return shard.cursor > ends.at(shard.shard); };
  const auto is_off = [&](const auto& entry) {
    return entry.second.accounts_negative > 0 || std::ranges::any_of(entry.second.shards, is_ahead);
  };
  const auto is_unpaid = [](const ShardAudit& shard) { return shard.unpaid.count > 0; };
  return std::ranges::none_of(ledgers, is_off) && std::ranges::none_of(shards, is_unpaid) && difference() == Money(0) &&
         violations.empty();
}

Result<AuditReport> Audit::run(bool deep) const {
  AuditReport report{.at = clock_.now(), .deep = deep};
  if (auto read = read_ledgers(report); !read) {
    return std::unexpected(read.error());
  }
  for (const auto& [shard, store] : orders_) {
    if (auto read = read_shard(shard, *store, report); !read) {
      return std::unexpected(read.error());
    }
  }
  if (auto read = read_dues(report); !read) {
    return std::unexpected(read.error());
  }
  return report;
}

Result<void> Audit::read_ledgers(AuditReport& report) const {
  std::vector<ShardId> shards;
  for (const auto& [shard, store] : orders_) {
    shards.push_back(shard);
  }
  for (const auto& [id, store] : ledgers_) {
    auto totals = store->totals(shards);
    if (!totals) {
      return std::unexpected(totals.error());
    }
    report.ledgers.emplace(id, std::move(*totals));
  }
  return {};
}

Result<void> Audit::read_shard(ShardId shard, OrderStore& store, AuditReport& report) const {
  const LedgerId escrow = all_.of(shard);
  const LedgerTotals::Shard& settled = shard_in(report, escrow, shard);
  auto orders = store.totals(settled.cursor);
  if (!orders) {
    return std::unexpected(orders.error());
  }
  UnpaidVouchers unpaid;
  for (const auto& [id, ledger] : ledgers_) {
    const auto found = find_unpaid(id, *ledger, store, shard_in(report, id, shard).cursor, orders->next_voucher);
    if (!found) {
      return std::unexpected(found.error());
    }
    unpaid.count += found->count;
    unpaid.first = unpaid.first ? unpaid.first : found->first;
    unpaid.total += id == escrow ? found->total : Money(0);  // another ledger's never came into this escrow
  }
  report.shards.push_back({settled, *orders, std::move(unpaid)});
  if (!report.deep) {
    return {};
  }
  auto violations = store.violations(kViolationsMax);
  if (!violations) {
    return std::unexpected(violations.error());
  }
  report.violations.insert(report.violations.end(), violations->begin(), violations->end());
  return {};
}

Result<void> Audit::read_dues(AuditReport& report) const {
  const auto due = [&](LedgerId in, LedgerId to) {
    const auto& dues = report.ledgers.at(in).dues;
    const auto found = dues.find(to);
    return found == dues.end() ? Money(0) : found->second;
  };
  for (auto one = ledgers_.begin(); one != ledgers_.end(); ++one) {
    for (auto other = std::next(one); other != ledgers_.end(); ++other) {
      report.dues.push_back({.one = one->first,
                             .other = other->first,
                             .due = due(one->first, other->first).plus_clamped(due(other->first, one->first)),
                             .on_its_way = {}});
    }
  }
  for (auto shard = orders_.begin(); !report.dues.empty() && shard != orders_.end(); ++shard) {
    if (auto read = add_on_its_way(shard->first, *shard->second, report); !read) {
      return read;
    }
  }
  return {};
}

// Payments that are in the wallet's ledger and not yet in the escrow's, less shares that have left the escrow and are
// not yet in the wallet.
Result<void> Audit::add_on_its_way(ShardId shard, OrderStore& store, AuditReport& report) const {
  const LedgerId escrow = all_.of(shard);
  const auto settled_in = [&](LedgerId ledger) -> const LedgerTotals::Shard& {
    return shard_in(report, ledger, shard);
  };
  const auto add = [&](LedgerId wallet, Money amount) {
    for (DuePair& pair : report.dues) {
      if ((pair.one == escrow && pair.other == wallet) || (pair.other == escrow && pair.one == wallet)) {
        pair.on_its_way = pair.on_its_way.plus_clamped(amount);
      }
    }
  };
  VoucherNo from = settled_in(escrow).cursor;
  VoucherNo end = from;
  for (const auto& [id, ledger] : ledgers_) {
    from = std::min(from, settled_in(id).cursor);
    end = std::max(end, settled_in(id).cursor);
    if (id != escrow) {
      add(id, settled_in(id).pending.plus_clamped(settled_in(id).deferred));
    }
  }
  // What one has settled and the other has not; what neither has is in both sums.
  while (from < end) {
    const auto vouchers = store.read_log(from, std::min<size_t>(kVouchersAtOnce, end.value - from.value));
    if (!vouchers) {
      return std::unexpected(vouchers.error());
    }
    if (vouchers->empty()) {
      return {};
    }
    for (const Voucher& voucher : *vouchers) {
      if (!names_ledgers_of(voucher, all_)) {
        continue;  // no ledger takes it
      }
      const bool is_paid = voucher.kind == VoucherKind::kPaid;
      const LedgerId wallet = is_paid ? voucher.paid_in : all_.of(voucher.user, voucher.home);
      if (wallet == escrow || !ledgers_.contains(wallet)) {
        continue;
      }
      const bool left = voucher.no < settled_in(escrow).cursor;
      const bool came = voucher.no < settled_in(wallet).cursor;
      if (left != came) {
        add(wallet, is_paid == left ? Money(0).minus_clamped(voucher.amount) : voucher.amount);
      }
    }
    from = from + vouchers->size();
  }
  return {};
}

}  // namespace hongbao
