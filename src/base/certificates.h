// Certificates of X.509 for this deployment's own nodes: an authority that signs nothing else, and what it signs. Keys
// are on the curve P-256; everything is PEM. Any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hongbao {

struct CertifiedKey {
  std::string certificate;
  std::string key;  // unencrypted
};

// An authority that vouches for itself, from now on for so long.
CertifiedKey make_authority(std::string_view name, std::chrono::seconds lifetime);

// A certificate for `dns_name`, good for clients and servers, signed by the authority. kConfig, in words that follow
// what the authority is called: it is no certificate with its key.
Result<CertifiedKey> make_certificate(const CertifiedKey& authority, const std::string& dns_name,
                                      std::chrono::seconds lifetime);

}  // namespace hongbao
