#include "apps/server/deployment.h"

#include "apps/server/distributed.h"
#include "apps/server/embedded.h"

namespace hongbao {

const DeploymentKind& deployment_kind(const Settings& settings) {
  return settings.distributed ? kDistributed : kEmbedded;
}

}  // namespace hongbao
