// Engines that one process has to itself: SQLite files in data.dir, and its own memory. The owner's thread.
#pragma once

#include "adapters/sqlite/data_dir.h"
#include "apps/server/engines.h"
#include "apps/settings.h"

namespace hongbao {

struct LocalEngines {
  sqlite::DataDir dir;  // locked for as long as they are open
  Engines engines;
};

// kConfig, with one line, for what an operator has to mend. `keys` and `clock` outlive them.
Result<LocalEngines> open_local_engines(const Settings& settings, const KeyRing& keys, const Clock& clock);

}  // namespace hongbao
