// Where a node keeps what was changed through its admin API: entries that are added and never changed or removed. A
// change that begins is one entry, its end is added to it; one without an end was cut off, and may have been made.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace hongbao {

struct BegunChange {
  Timestamp at;
  std::string token;    // its name
  std::string role;     // that it had then
  std::string from;     // an address
  std::string call;     // method and path
  std::string content;  // what was asked for, in short
};

struct EndedChange {
  uint64_t no = 0;  // the entry whose end it is
  Timestamp at;
  std::string outcome;  // the answer's status, and its problem if it is one
};

struct JournalEntry {
  uint64_t no = 0;  // rises, beginning with 1
  BegunChange begun;
  std::optional<EndedChange> ended;
};

class AdminJournalStore {
 public:
  virtual ~AdminJournalStore() = default;

  // All of them, durable when it returns; the numbers of `begun`, in their order. After an error nothing is known of
  // any. An end that is there already, or of no entry, is an error.
  virtual Result<std::vector<uint64_t>> append(const std::vector<BegunChange>& begun,
                                               const std::vector<EndedChange>& ended) = 0;
  // Those with a number below `before`, newest first.
  virtual Result<std::vector<JournalEntry>> newest(uint64_t before, size_t entries_max) = 0;
  // What it takes where it is kept.
  virtual Result<uint64_t> bytes() = 0;
};

}  // namespace hongbao
