// One node of several: MariaDB, Redis and NATS, the shards that placement gives it, and links to the other nodes, which
// take its shards when it stops.
#pragma once

#include "apps/server/deployment.h"

namespace hongbao {

extern const DeploymentKind kDistributed;

}  // namespace hongbao
