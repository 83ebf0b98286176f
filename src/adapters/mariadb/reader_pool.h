// A few read-only connections to one database, each with its own prepared statements (`Reader`, made from a Database)
// and used by one thread at a time. A connection is made when it is first needed, and dropped after an error; a read on
// one that an earlier restart of the server had broken is tried once more on a new one.
//
// Threads: any.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "adapters/mariadb/database.h"

namespace hongbao::mariadb {

// As many as cores of a small machine, and enough that an audit leaves the others free.
inline constexpr size_t kReadersPerStore = 4;
// Of one read, when a snapshot met a table younger than itself or one that had moved, or the connection was an old one.
inline constexpr int kReadTriesMax = 3;

template <class Reader>
class ReaderPool {
 public:
  using Make = std::function<std::unique_ptr<Reader>(Database)>;

  ReaderPool(MariadbServer server, std::string database, Make make)
      : server_(std::move(server)), database_(std::move(database)), make_(std::move(make)) {}

  // Runs `function(Reader&)` on a free connection, or waits for one. It may run more than once.
  template <class Function>
  auto use(Function&& function) {
    const size_t first = next_.fetch_add(1, std::memory_order_relaxed);
    for (size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[(first + i) % slots_.size()];
      if (std::unique_lock lock(slot.mutex, std::try_to_lock); lock) {
        return run(slot, function);
      }
    }
    Slot& slot = slots_[first % slots_.size()];
    const std::scoped_lock lock(slot.mutex);
    return run(slot, function);
  }

 private:
  struct Slot {
    std::mutex mutex;
    std::unique_ptr<Reader> reader;
  };

  template <class Function>
  auto run(Slot& slot, Function& function) {
    for (int tries = 1;; ++tries) {
      const bool was_open = slot.reader != nullptr;
      try {
        if (!was_open) {
          slot.reader = make_(Database::open(server_, database_, Database::Mode::kRead));
        }
        return function(*slot.reader);
      } catch (const MariadbError& error) {
        slot.reader.reset();
        const bool worth_another =
            error.is_stale_snapshot() || error.is_no_such_table() || (was_open && error.is_connection_lost());
        if (!worth_another || tries == kReadTriesMax) {
          throw;
        }
      }
    }
  }

  const MariadbServer server_;
  const std::string database_;
  const Make make_;
  std::array<Slot, kReadersPerStore> slots_;
  std::atomic<size_t> next_ = 0;
};

}  // namespace hongbao::mariadb
