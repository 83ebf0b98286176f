// Reads many rows by their keys in few round trips: `… WHERE key IN (?, ?, …)` with a fixed number of places, of which
// the last ones repeat a key when there are fewer. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/mariadb/database.h"

namespace hongbao::mariadb {

class Lookup {
 public:
  static constexpr size_t kKeysAtOnce = 256;

  // `{}` in `sql` stands for the list of places.
  Lookup(Database& database, std::string_view sql) : statement_(database.prepare(with_places(sql))) {}

  // Calls `take(rows)` for every row that has one of `keys`, which are sorted: locks are taken in their order.
  template <class Take>
  void each(const std::vector<std::string_view>& keys, Take take) {
    std::vector<Value> places(kKeysAtOnce);
    for (size_t first = 0; first < keys.size(); first += kKeysAtOnce) {
      for (size_t i = 0; i < kKeysAtOnce; ++i) {
        places[i] = to_value(keys[std::min(first + i, keys.size() - 1)]);
      }
      Rows rows = statement_.query_values(places);
      while (rows.next()) {
        take(rows);
      }
    }
  }

 private:
  static std::string with_places(std::string_view sql);

  Statement statement_;
};

}  // namespace hongbao::mariadb
