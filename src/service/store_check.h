// Holds the stores of a deployment against each other: orders, ledger and inbox of different moments (a copy that was
// put back, a file that was lost) must not be served, for then money is made, or vanishes.
//
//   A payment is in the ledger before its `paid` voucher is in the log, and a voucher is in the log before a cursor
//   passes it. So a cursor is never ahead of its log, and a `paid` voucher always has its payment.
//
// Holds while other processes write: a cursor is read before its log's head, and a voucher before its payment.
// Blocking; any thread.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "ports/inbox_store.h"
#include "ports/ledger_store.h"
#include "ports/voucher_log.h"

namespace hongbao {

// `paid` vouchers that the ledger should have the payments of and does not: it is an older copy than the orders.
struct UnpaidVouchers {
  uint64_t count = 0;
  Money total;
  std::optional<Voucher> first;
};
Result<UnpaidVouchers> find_unpaid(LedgerId id, LedgerStore& ledger, const std::vector<Voucher>& vouchers);
// Of the vouchers numbered from ≤ no < end.
Result<UnpaidVouchers> find_unpaid(LedgerId id, LedgerStore& ledger, VoucherLog& log, VoucherNo from, VoucherNo end);

// At a start. kConfig: one line that says which store is behind which, and what to do; or the error of a store.
Result<void> check_stores(const VoucherLogs& logs, const std::map<LedgerId, LedgerStore*>& ledgers, InboxStore& inbox);

}  // namespace hongbao
