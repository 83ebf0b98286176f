// The sums over a part of a day, for the audit. No statement reads more than `kTotalsRows` rows: a day of any size
// is summed before the server is taken for a frozen one.
//
// Threads: the reader's. Errors: MariadbError.
#pragma once

#include "adapters/mariadb/database.h"
#include "adapters/mariadb/order_rows.h"
#include "ports/order_store.h"

namespace hongbao::mariadb {

// A second at most, on a busy server.
inline constexpr uint64_t kTotalsRows = 500'000;

// Adds the part's packets and vouchers to `totals`. REQUIRES: its tables are there.
void add_part(Database& database, const DayTables& tables, VoucherNo since, OrderTotals& totals,
              uint64_t rows_max = kTotalsRows);

// Over the part's vouchers from `since` on.
VoucherSums sums_since(Database& database, const DayTables& tables, VoucherNo since);

}  // namespace hongbao::mariadb
