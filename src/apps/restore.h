// Puts a backup into the data directory of a stopped server. The owner's thread.
//
// Everything is copied, compared with the manifest and held against each other inside the data directory first. What is
// there is then put aside, its MASTER_KEY_ID first, and the new files take its place, their MASTER_KEY_ID last: a
// server refuses what lies there in between. The restored deployment gets an id of its own, so that its files don't mix
// with those of before (ADR 13).
#pragma once

#include <string>

#include "apps/settings.h"
#include "base/result.h"

namespace hongbao {

struct Restored {
  std::string made_at;  // when the backup was
  size_t files = 0;
  uint64_t bytes = 0;
  std::string aside;  // where the data of before is now; empty: there was none
};

// kConfig and kStorage, in one line. `replace`: a directory that holds data is wanted to be replaced.
Result<Restored> restore(const Settings& settings, const std::string& directory, bool replace);

}  // namespace hongbao
