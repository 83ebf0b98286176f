#include "adapters/sqlite/engine.h"

#include <fmt/format.h>

#include "adapters/sqlite/order_rows.h"
#include "base/check.h"

namespace hongbao::sqlite {

std::string Engine::lease_left_ms() {
  return fmt::format("MAX(lease_until - {}, 0)", kNow_ms);
}

void Engine::add_totals(Database& database, const DayTables& tables, VoucherNo since, OrderTotals& totals) {
  Statement statement = database.prepare(
      fmt::format("SELECT count(*), count(*) FILTER (WHERE state = {}), coalesce(sum(total), 0) FROM {}",
                  static_cast<int>(PacketState::kActive), tables.packets));
  Rows rows = statement.query();
  CHECK(rows.next());
  totals.packets += rows.count(0);
  totals.packets_active += rows.count(1);
  totals.packets_total += rows.money(2);
  totals.all += sums(database, tables, VoucherNo{0});
  totals.unsettled += sums(database, tables, since);
}

VoucherSums Engine::sums(Database& database, const DayTables& tables, VoucherNo since) {
  Statement statement =
      database.prepare(fmt::format("SELECT kind, sum(amount) FROM {} WHERE no >= ? GROUP BY kind", tables.vouchers));
  Rows rows = statement.query(since);
  VoucherSums sums;
  while (rows.next()) {
    sums.add(static_cast<VoucherKind>(rows.integer(0)), rows.money(1));
  }
  return sums;
}

}  // namespace hongbao::sqlite
