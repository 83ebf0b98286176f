// The days of a shard that are cold: tables in its cold database, on this server or another.
//
// Threads: any. Errors: MariadbError.
#pragma once

#include <memory>
#include <utility>

#include "adapters/mariadb/engine.h"
#include "storage/order_day.h"

namespace hongbao::mariadb {

using OrderDay = hongbao::OrderDay<Engine>;

class ColdDays {
 public:
  ColdDays(const Server& server, const std::string& database, ShardId shard)
      : readers_(server, database,
                 [shard](Database opened) { return std::make_unique<Reader>(std::move(opened), shard); }) {}

  // Runs `function(OrderDay&)` on the part that was copied. It may run more than once.
  template <class Function>
  auto use(const StoredDay& stored, Function&& function) {
    return readers_.use([&](Reader& reader) { return function(reader.at(stored)); });
  }

 private:
  class Reader {
   public:
    Reader(Database database, ShardId shard) : database_(std::move(database)), shard_(shard) {}
    OrderDay& at(const StoredDay& stored) {
      return days_.at(database_, shard_, stored.part, [&](DayPart part) { return cold_tables(part, stored.copy); });
    }

   private:
    static constexpr size_t kPreparedDaysMax = 16;

    Database database_;
    const ShardId shard_;
    PreparedDays<Engine> days_{kPreparedDaysMax};
  };

  ReaderPool<Reader> readers_;
};

}  // namespace hongbao::mariadb
