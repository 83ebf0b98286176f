#include "apps/node_identity.h"

#include <fmt/format.h>

#include "base/input_file.h"

namespace hongbao {

std::string node_domain(Region region) {
  return fmt::format("{}.hongbao", region_name(region));
}

std::string certificate_name(std::string_view node, Region region) {
  return fmt::format("{}.{}", node, node_domain(region));
}

void check_node_identity(ConfigReader& reader, const Settings& settings) {
  const PeerIdentityFiles& files = settings.node_tls;
  const auto made = make_peer_tls(files, certificate_name(settings.node_name, settings.region), SystemClock().now());
  if (!made) {
    const std::string& field = made.error().field;
    const std::string& file = field == "ca_file"     ? files.ca_file
                              : field == "cert_file" ? files.cert_file
                                                     : files.key_file;
    reader.refuse("node.tls_" + field, fmt::format("names {}, which {}: make another with `hongbaoctl node certify`",
                                                   file, made.error().detail));
  } else if (const auto checked = check_private_file(files.key_file); !checked) {
    reader.refuse("node.tls_key_file", fmt::format("names {}, which {}", files.key_file, checked.error().detail));
  }
}

}  // namespace hongbao
