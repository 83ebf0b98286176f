// A few read-only connections to one file, each with its own prepared statements (`Reader`, made from a Database) and
// used by one thread at a time. Readers see the last commit and never hold up the writer.
//
// Threads: any.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "adapters/sqlite/database.h"

namespace hongbao {

// One for each core of a small machine, and enough that an audit leaves the others free.
inline constexpr size_t kReadersPerStore = 4;

template <class Reader>
class ReaderPool {
 public:
  // `make` turns a Database into a unique_ptr<Reader>.
  template <class Make>
  ReaderPool(const std::string& file, Make&& make) {
    for (auto& slot : slots_) {
      slot.reader = make(Database::open_reader(file));
    }
  }

  // Runs `function(Reader&)` on a free connection, or waits for one.
  template <class Function>
  auto use(Function&& function) {
    const size_t first = next_.fetch_add(1, std::memory_order_relaxed);
    for (size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[(first + i) % slots_.size()];
      if (std::unique_lock lock(slot.mutex, std::try_to_lock); lock) {
        return function(*slot.reader);
      }
    }
    Slot& slot = slots_[first % slots_.size()];
    const std::scoped_lock lock(slot.mutex);
    return function(*slot.reader);
  }

 private:
  struct Slot {
    std::mutex mutex;
    std::unique_ptr<Reader> reader;
  };
  std::array<Slot, kReadersPerStore> slots_;
  std::atomic<size_t> next_ = 0;
};

}  // namespace hongbao
