// SQLite as the templates of src/storage see it (storage/order_day.h). Threads and errors: as the types say.
#pragma once

#include <string>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/reader_pool.h"
#include "ports/order_store.h"
#include "storage/day_tables.h"

namespace hongbao {

class SqliteColdDays;
class SqliteLedgerQueries;

struct SqliteEngine {
  using Database = hongbao::Database;
  using Statement = hongbao::Statement;
  using Rows = hongbao::Rows;
  using Snapshot = ReadSnapshot;
  using Error = SqliteError;
  template <class Reader>
  using ReaderPool = hongbao::ReaderPool<Reader>;
  using ColdDays = SqliteColdDays;
  using LedgerQueries = SqliteLedgerQueries;

  static std::string lease_left_ms();
  static void add_totals(Database& database, const DayTables& tables, VoucherNo since, OrderTotals& totals);
  static VoucherSums sums(Database& database, const DayTables& tables, VoucherNo since);
};

}  // namespace hongbao
