// A few read-only connections to one file (storage/reader_slots.h). Readers see the last commit and never hold up the
// writer.
//
// Threads: any.
#pragma once

#include <memory>
#include <string>

#include "adapters/sqlite/database.h"
#include "storage/reader_slots.h"

namespace hongbao::sqlite {

template <class Reader>
class ReaderPool {
 public:
  // `make` turns a Database into a unique_ptr<Reader>.
  template <class Make>
  ReaderPool(const std::string& file, Make&& make) {
    slots_.fill([&] { return make(Database::open_reader(file)); });
  }

  // Runs `function(Reader&)` on a free connection, or waits for one.
  template <class Function>
  auto use(Function&& function) {
    return slots_.use([&](std::unique_ptr<Reader>& reader) { return function(*reader); });
  }

 private:
  ReaderSlots<Reader> slots_;
};

}  // namespace hongbao::sqlite
