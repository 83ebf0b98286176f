// Moves a part of a day from a shard's database to its cold one, on connections of its own.
//
// Threads: one at a time. Errors: MariadbError.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/mariadb/database.h"
#include "ports/order_store.h"
#include "storage/day_move.h"

namespace hongbao::mariadb {

// A shard's two databases.
struct HotAndCold {
  Server server;
  std::string database;
  Server cold_server;
  std::string cold_database;
};

class DayMover {
 public:
  DayMover(const HotAndCold& places, ShardId shard) : places_(places), shard_(shard) {}

  bool has_active(DayPart part);
  // Copies what the cold side has not, and reads both. nullopt: `go_on` said no. kStorage: they differ, and the cold
  // side is empty again.
  Result<std::optional<DayTotals>> copy(uint32_t epoch, DayPart part, const GoOn& go_on);

  // The cold copy of a hot part counts from here on. Holds the head's row until it has committed.
  Retired retire(uint32_t epoch, DayPart part, const DayTotals& totals);
  // Removes the hot tables of a part that was retired. May be repeated.
  void drop_hot(DayPart part);

 private:
  std::vector<uint32_t> copies_of(Database& cold, DayPart part);
  void prepare_copy(Database& cold, uint32_t epoch, DayPart part);

  const HotAndCold& places_;
  const ShardId shard_;
};

}  // namespace hongbao::mariadb
