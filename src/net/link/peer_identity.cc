#include "net/link/peer_identity.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "base/check.h"
#include "base/engine_tls.h"

namespace hongbao {
namespace {

constexpr int kChainDepthMax = 3;
constexpr long kChainBytesMax = 16'384;  // that a stranger may make us keep
constexpr int64_t kMsPerSecond = 1'000;

struct FreeStore {
  void operator()(X509_STORE_CTX* it) const { X509_STORE_CTX_free(it); }
};

// Our own certificate as the others will see it.
Result<void> check_own(SSL_CTX* tls, const std::string& name, Timestamp now) {
  X509* own = SSL_CTX_get0_certificate(tls);
  CHECK(own != nullptr);
  if (X509_check_host(own, name.data(), name.size(), 0, nullptr) != 1) {
    return fail(ErrorCode::kConfig, fmt::format("holds a certificate that is not for {}", name), "cert_file");
  }
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(tls, static_cast<void*>(&chain));
  const std::unique_ptr<X509_STORE_CTX, FreeStore> look(X509_STORE_CTX_new());
  CHECK(look && X509_STORE_CTX_init(look.get(), SSL_CTX_get_cert_store(tls), own, chain) == 1);
  X509_STORE_CTX_set_time(look.get(), 0, static_cast<time_t>(now.unix_ms / kMsPerSecond));
  X509_STORE_CTX_set_purpose(look.get(), X509_PURPOSE_SSL_SERVER);
  if (X509_verify_cert(look.get()) != 1) {
    ERR_clear_error();
    const int why = X509_STORE_CTX_get_error(look.get());
    return fail(ErrorCode::kConfig,
                fmt::format("holds a certificate that no other node takes: {}", X509_verify_cert_error_string(why)),
                "cert_file");
  }
  return {};
}

}  // namespace

Result<PeerTls> make_peer_tls(const PeerIdentityFiles& files, const std::string& name, Timestamp now) {
  PeerTls made(SSL_CTX_new(TLS_method()), [](SSL_CTX* context) { SSL_CTX_free(context); });
  SSL_CTX* tls = made.get();
  CHECK(tls != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1);
  CHECK(SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1);
  CHECK(SSL_CTX_set1_groups_list(tls, "X25519:P-256") == 1);
  // Every connection shows its certificate: nothing is resumed.
  SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(tls, SSL_OP_NO_TICKET);
  CHECK(SSL_CTX_set_num_tickets(tls, 0) == 1);
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_verify_depth(tls, kChainDepthMax);
  SSL_CTX_set_max_cert_list(tls, kChainBytesMax);
  if (auto loaded = load_tls_files(tls, files.ca_file, files.cert_file, files.key_file); !loaded) {
    return std::unexpected(loaded.error());
  }
  if (auto checked = check_own(tls, name, now); !checked) {
    return std::unexpected(checked.error());
  }
  return made;
}

Timestamp expiry_of(const PeerTls& tls) {
  tm end{};
  CHECK(ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(tls.get())), &end) == 1);
  return {static_cast<int64_t>(timegm(&end)) * kMsPerSecond};
}

}  // namespace hongbao
