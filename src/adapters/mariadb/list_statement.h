// One statement for a list of keys or rows, in few round trips: `… WHERE id IN (?,?,…)`, or `INSERT … VALUES
// (?,?),(?,?),…` where array binding can't be used because rows come back. A prepared statement has a fixed number of
// places, so there is one for each power of two: n items take n / kItemsAtOnce round trips and a few more. Each is
// prepared when it is first needed. Below 1,000 items MariaDB reads an IN list as ranges of the index.
//
// Threads: that of its Database, which must outlive it and not move.
#pragma once

#include <array>
#include <bit>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/mariadb/database.h"

namespace hongbao::mariadb {

class ListStatement {
 public:
  static constexpr size_t kItemsAtOnce = 512;

  // `{}` in `sql` stands for the list, `item` for one item of it: "?" or "(?,?)".
  ListStatement(Database& database, std::string sql, std::string item)
      : database_(database), sql_(std::move(sql)), item_(std::move(item)) {}
  ListStatement(const ListStatement&) = delete;
  ListStatement& operator=(const ListStatement&) = delete;

  // `values` are those of all items, one item after the other. Calls `take(rows)` for every row that comes back, in
  // the order of the items for an INSERT.
  template <class Take>
  void query(std::span<const Value> values, Take take) {
    while (!values.empty()) {
      Rows rows = next(values).query_values(current_);
      while (rows.next()) {
        take(std::as_const(rows));
      }
    }
  }
  // Returns how many rows an UPDATE matched, or a DELETE changed.
  uint64_t run(std::span<const Value> values) {
    uint64_t changed = 0;
    while (!values.empty()) {
      changed += next(values).run_values(current_);
    }
    return changed;
  }

 private:
  // Moves the first items from `values` to `current_`: as many as the returned statement has.
  Statement& next(std::span<const Value>& values);
  Statement& statement_of(size_t items);

  Database& database_;
  const std::string sql_;
  const std::string item_;
  std::span<const Value> current_;
  std::array<std::optional<Statement>, std::bit_width(kItemsAtOnce)> statements_;  // of 1, 2, 4, … items
};

}  // namespace hongbao::mariadb
