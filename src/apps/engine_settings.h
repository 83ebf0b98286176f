// What the settings of MariaDB, Redis and NATS must be together, in distributed mode: files that hold what they should,
// and no plain text that leaves the machine without somebody having said so. One thread, at start.
#pragma once

#include "apps/settings.h"
#include "base/config.h"

namespace hongbao {

// Records what is broken. REQUIRES: settings.distributed, and everything is read.
void check_engine_settings(ConfigReader& reader, const Settings& settings);

}  // namespace hongbao
