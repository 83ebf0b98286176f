// Who this node is to the others: from the settings to what its links are made from. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "apps/settings.h"
#include "base/config.h"

namespace hongbao {

// What the certificates of a region's nodes end with: "south.hongbao".
std::string node_domain(Region region);
// What a node's certificate must be for: "NODE.south.hongbao".
std::string certificate_name(std::string_view node, Region region);

// Records what is broken of the certificate, its key and the authority. REQUIRES: settings.distributed.
void check_node_identity(ConfigReader& reader, const Settings& settings);

}  // namespace hongbao
