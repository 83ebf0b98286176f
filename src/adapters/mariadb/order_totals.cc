#include "adapters/mariadb/order_totals.h"

#include <fmt/format.h>

#include <limits>

#include "adapters/mariadb/order_rows.h"
#include "base/check.h"

namespace hongbao::mariadb {
namespace {

// Calls `add(from, end)` for pieces of `rows_max` rows of the table, by its key, from `from` on: from ≤ key < end.
template <class Add>
void in_pieces(Database& database, const std::string& table, const char* key, uint64_t from, uint64_t rows_max,
               Add add) {
  Statement cut =
      database.prepare(fmt::format("SELECT {0} FROM {1} WHERE {0} >= ? ORDER BY {0} LIMIT ?, 1", key, table));
  for (bool more = true; more;) {
    uint64_t end = std::numeric_limits<int64_t>::max();
    {
      Rows rows = cut.query(from, rows_max);
      more = rows.next();
      end = more ? rows.count(0) : end;
    }
    add(from, end);
    from = end;
  }
}

void add_packets(Database& database, const DayTables& tables, OrderTotals& totals, uint64_t rows_max) {
  Statement sums = database.prepare(
      fmt::format("SELECT COUNT(*), CAST(COALESCE(SUM(state = {}), 0) AS SIGNED), CAST(COALESCE(SUM(total), 0) AS "
                  "SIGNED) FROM {} WHERE local >= ? AND local < ?",
                  static_cast<int>(PacketState::kActive), tables.packets));
  in_pieces(database, tables.packets, "local", 0, rows_max, [&](uint64_t from, uint64_t end) {
    Rows rows = sums.query(from, end);
    CHECK(rows.next());
    totals.packets += rows.count(0);
    totals.packets_active += rows.count(1);
    totals.packets_total += rows.money(2);
  });
}

// Of those numbered `first` and up.
void add_vouchers(Database& database, const DayTables& tables, VoucherNo first, VoucherNo since, OrderTotals& totals,
                  uint64_t rows_max) {
  Statement sums = database.prepare(
      fmt::format("SELECT kind, CAST(SUM(amount) AS SIGNED), CAST(SUM(IF(no >= ?, amount, 0)) AS SIGNED) FROM {} WHERE "
                  "no >= ? AND no < ? GROUP BY kind",
                  tables.vouchers));
  in_pieces(database, tables.vouchers, "no", first.value, rows_max, [&](uint64_t from, uint64_t end) {
    Rows rows = sums.query(since, from, end);
    while (rows.next()) {
      const auto kind = static_cast<VoucherKind>(rows.integer(0));
      totals.all.add(kind, rows.money(1));
      totals.unsettled.add(kind, rows.money(2));
    }
  });
}

}  // namespace

void add_part(Database& database, const DayTables& tables, VoucherNo since, OrderTotals& totals, uint64_t rows_max) {
  add_packets(database, tables, totals, rows_max);
  add_vouchers(database, tables, VoucherNo{0}, since, totals, rows_max);
}

VoucherSums sums_since(Database& database, const DayTables& tables, VoucherNo since) {
  OrderTotals totals;
  add_vouchers(database, tables, since, since, totals, kTotalsRows);
  return totals.unsettled;
}

}  // namespace hongbao::mariadb
