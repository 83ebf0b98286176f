// A server that has its deployment to itself: SQLite files and its own memory, every shard, no neighbours, and backups
// of its files.
#pragma once

#include "apps/server/deployment.h"

namespace hongbao {

extern const DeploymentKind kEmbedded;

}  // namespace hongbao
