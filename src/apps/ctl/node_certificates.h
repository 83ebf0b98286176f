// The certificates with which nodes prove each other who they are, and the authority that signs them: files in the
// directory that `hongbaoctl init` made. Each file is replaced as a whole, and an authority's key is readable by its
// owner alone; it is needed only here, and belongs on no node.
#pragma once

#include <string>
#include <vector>

#include "base/certificates.h"
#include "base/result.h"
#include "core/ids.h"

namespace hongbao {

// What `init` writes: an authority, and a certificate that it signed for the node that the default settings name.
struct NodeCertificates {
  CertifiedKey authority;
  CertifiedKey node;
};
NodeCertificates make_node_certificates();

// Writes DIR/secrets/NODE.pem and NODE.key, in place of what is there. Returns the two paths. kConfig: there is no
// authority in the directory, or it can't be written to.
Result<std::vector<std::string>> certify_node(const std::string& directory, const std::string& node, Region region);

// A new authority signs from now on, and the ones before are trusted as well. Returns the file for all nodes.
Result<std::string> add_authority(const std::string& directory);
// Only the newest is trusted.
Result<std::string> retire_authorities(const std::string& directory);

}  // namespace hongbao
