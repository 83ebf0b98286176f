// Engines that all nodes of a region use: MariaDB, Redis and NATS. The owner's thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/server/engines.h"
#include "apps/settings.h"
#include "ports/membership.h"

namespace hongbao {

struct SharedEngines {
  Engines engines;

  // The nodes that use one database server, and the shards that are there.
  struct Members {
    std::unique_ptr<Membership> membership;
    std::unique_ptr<Membership> watched;  // the same, for the watch, which must not wait for beats nor hold them up
    std::vector<ShardId> shards;
    std::string facts;  // that they must agree on
  };
  std::vector<Members> members;

  std::function<bool()> stream_answers;
  std::function<bool()> control_answers;
};

// kConfig, with one line, for what an operator has to mend. `keys` and `registry` outlive them.
Result<SharedEngines> open_shared_engines(const Settings& settings, const KeyRing& keys,
                                          prometheus::Registry& registry);

}  // namespace hongbao
