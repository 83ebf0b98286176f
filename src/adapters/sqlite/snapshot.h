// One database at one moment, copied while its writer goes on. What is shown stays as it was when `pin` was called: the
// writer's log keeps growing until this goes.
//
// Threads: one at a time. Errors: SqliteError.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "adapters/sqlite/database.h"
#include "core/stored_day.h"

namespace hongbao::sqlite {

class Snapshot {
 public:
  // Returns false to stop; called with the bytes copied since the last call.
  using GoOn = std::function<bool(uint64_t bytes)>;

  explicit Snapshot(std::string file) : file_(std::move(file)), database_(Database::open_reader(file_)) {}

  // Quick: what is slow was done when it was made.
  void pin();
  // Copies into a new file: one plain database, not in use by anyone. Not synced. False: `go_on` said no.
  bool copy_to(const std::string& target, const GoOn& go_on);
  // Of a shard's orders: what lies in files of its own. REQUIRES: pinned.
  std::vector<DayPart> cold_parts();

 private:
  const std::string file_;
  Database database_;
};

}  // namespace hongbao::sqlite
