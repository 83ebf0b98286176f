// Who a node is to the others: a certificate for NODE.DOMAIN, signed by an authority that signs for nodes alone. Both
// sides of a link show one, over TLS 1.3 and nothing older, and look at the other's: the name of whoever was called
// must be the node's that was meant, and the name of whoever calls must be in the domain.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace hongbao {

struct PeerIdentityFiles {
  std::string ca_file;  // PEM, of one authority or, while it is changed, of two
  std::string cert_file;
  std::string key_file;  // unencrypted
};

// What connections are made from. Shared: a connection keeps the one that it began with.
using PeerTls = std::shared_ptr<SSL_CTX>;

struct PeerIdentity {
  PeerTls tls;
  std::string domain;  // of all nodes: "south.hongbao"
};

// Errors: those of load_tls_files (base/engine_tls.h); besides, for field "cert_file": it is not for `name`, its
// authority is not in `ca_file`, or `now` is not within its time.
Result<PeerTls> make_peer_tls(const PeerIdentityFiles& files, const std::string& name, Timestamp now);

// When the certificate that is shown ends.
Timestamp expiry_of(const PeerTls& tls);

}  // namespace hongbao
