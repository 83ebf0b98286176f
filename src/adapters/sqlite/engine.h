// SQLite as the templates of src/storage see it (storage/order_day.h). Threads and errors: as the types say.
#pragma once

#include <string>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/reader_pool.h"
#include "ports/order_store.h"
#include "storage/day_tables.h"

namespace hongbao::sqlite {

class ColdDays;
class LedgerQueries;

struct Engine {
  using Database = sqlite::Database;
  using Statement = sqlite::Statement;
  using Rows = sqlite::Rows;
  using Snapshot = ReadSnapshot;
  using Error = SqliteError;
  template <class Reader>
  using ReaderPool = sqlite::ReaderPool<Reader>;
  using ColdDays = sqlite::ColdDays;
  using LedgerQueries = sqlite::LedgerQueries;

  static std::string lease_left_ms();
  static void add_totals(Database& database, const DayTables& tables, VoucherNo since, OrderTotals& totals);
  static VoucherSums sums(Database& database, const DayTables& tables, VoucherNo since);
};

}  // namespace hongbao::sqlite
