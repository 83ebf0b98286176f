// A few read-only connections to one database (storage/reader_slots.h). A connection is made when it is first needed,
// and dropped after an error; a read on one that an earlier restart of the server had broken is tried once more on a
// new one.
//
// Threads: any.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/mariadb/database.h"
#include "storage/reader_slots.h"

namespace hongbao::mariadb {

// Of one read, when a snapshot met a table younger than itself or one that had moved, or the connection was an old one.
inline constexpr int kReadTriesMax = 3;

template <class Reader>
class ReaderPool {
 public:
  using Make = std::function<std::unique_ptr<Reader>(Database)>;

  ReaderPool(Server server, std::string database, Make make)
      : server_(std::move(server)), database_(std::move(database)), make_(std::move(make)) {}

  // Runs `function(Reader&)` on a free connection, or waits for one. It may run more than once.
  template <class Function>
  auto use(Function&& function) {
    return slots_.use([&](std::unique_ptr<Reader>& reader) { return run(reader, function); });
  }

 private:
  template <class Function>
  auto run(std::unique_ptr<Reader>& reader, Function& function) {
    for (int tries = 1;; ++tries) {
      const bool was_open = reader != nullptr;
      try {
        if (!was_open) {
          reader = make_(Database::open(server_, database_, Database::Mode::kRead));
        }
        return function(*reader);
      } catch (const MariadbError& error) {
        reader.reset();
        const bool worth_another =
            error.is_stale_snapshot() || error.is_no_such_table() || (was_open && error.is_connection_lost());
        if (!worth_another || tries == kReadTriesMax) {
          throw;
        }
      }
    }
  }

  const Server server_;
  const std::string database_;
  const Make make_;
  ReaderSlots<Reader> slots_;
};

}  // namespace hongbao::mariadb
