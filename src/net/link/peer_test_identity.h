// For tests: who nodes are. Their authority is made when it is first needed, and gone with the process.
#pragma once

#include <fstream>
#include <string>

#include "base/certificates.h"
#include "base/check.h"
#include "base/scratch_dir.h"
#include "net/link/peer_identity.h"

namespace hongbao {

inline constexpr std::chrono::days kTestLifetime{30};

inline const CertifiedKey& test_authority() {
  static const CertifiedKey authority = make_authority("the tests' nodes", kTestLifetime);
  return authority;
}

// Of the files that would hold these texts, for a certificate of that name.
inline Result<PeerTls> tls_from(const std::string& authorities, const CertifiedKey& own, const std::string& name,
                                Timestamp now = SystemClock().now()) {
  const ScratchDir scratch;
  const PeerIdentityFiles files{scratch.file("ca.pem"), scratch.file("own.pem"), scratch.file("own.key")};
  std::ofstream(files.ca_file) << authorities;
  std::ofstream(files.cert_file) << own.certificate;
  std::ofstream(files.key_file) << own.key;
  return make_peer_tls(files, name, now);
}

// A node of `domain` that `authority` has signed, and that trusts nobody else.
inline PeerIdentity test_identity(const std::string& node = "node", const CertifiedKey& authority = test_authority(),
                                  const std::string& domain = "south.hongbao") {
  const std::string name = node + "." + domain;
  auto tls = tls_from(authority.certificate, make_certificate(authority, name, kTestLifetime).value(), name);
  CHECK(tls.has_value());
  return {std::move(*tls), domain};
}

}  // namespace hongbao
