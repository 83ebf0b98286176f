// How many file descriptors a server needs for its settings, and whether it may have them: better no start than a peak
// at which connections, databases and day files fail in turns. At start.
#pragma once

#include <cstdint>

#include "apps/settings.h"
#include "base/result.h"

namespace hongbao {

// Operators, monitoring and balancers; of server.connections_max only when that is less.
inline constexpr uint32_t kSmallConnectionsMax = 256;

// At most, with every connection taken and every cold day open, besides those that the process was started with.
uint64_t descriptors_needed(const Settings& settings);

// Raises the soft limit. kConfig when the hard one is less than what is open and needed.
Result<void> reserve_descriptors(const Settings& settings);

}  // namespace hongbao
