// How the region's watch looks at each server of the engines. The owner's thread.
#pragma once

#include "apps/server/shared_engines.h"
#include "apps/settings.h"
#include "service/region_watch.h"

namespace hongbao {

// The engines outlive the watch.
void watch_local_engines(const Settings& settings, const Engines& engines, RegionWatch& watch);
void watch_shared_engines(const Settings& settings, const SharedEngines& shared, RegionWatch& watch);

}  // namespace hongbao
