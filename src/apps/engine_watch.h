// How the region's watch looks at each server of the engines. The owner's thread.
#pragma once

#include "apps/engines.h"
#include "apps/settings.h"
#include "service/region_watch.h"

namespace hongbao {

// `engines` outlive the watch.
void watch_engines(const Settings& settings, const Engines& engines, RegionWatch& watch);

}  // namespace hongbao
