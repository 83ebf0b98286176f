// MariaDB as the templates of src/storage see it (storage/order_day.h). Threads and errors: as the types say.
#pragma once

#include <fmt/format.h>

#include <string>

#include "adapters/mariadb/database.h"
#include "adapters/mariadb/order_rows.h"
#include "adapters/mariadb/order_totals.h"
#include "adapters/mariadb/reader_pool.h"

namespace hongbao::mariadb {

class ColdDays;
class LedgerQueries;

struct Engine {
  using Database = mariadb::Database;
  using Statement = mariadb::Statement;
  using Rows = mariadb::Rows;
  using Snapshot = mariadb::Snapshot;
  using Error = MariadbError;
  template <class Reader>
  using ReaderPool = mariadb::ReaderPool<Reader>;
  using ColdDays = mariadb::ColdDays;
  using LedgerQueries = mariadb::LedgerQueries;

  static std::string lease_left_ms() { return fmt::format("GREATEST(lease_until - {}, 0)", kNow_ms); }
  static void add_totals(Database& database, const DayTables& tables, VoucherNo since, OrderTotals& totals) {
    add_part(database, tables, since, totals);
  }
  static VoucherSums sums(Database& database, const DayTables& tables, VoucherNo since) {
    return sums_since(database, tables, since);
  }
};

}  // namespace hongbao::mariadb
