#include "adapters/nats/tls.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <utility>

#include "base/check.h"

namespace hongbao::nats {
namespace {

// What OpenSSL made last on this thread.
thread_local SSL_CTX* made_context = nullptr;

void on_new_context(void* context, void*, CRYPTO_EX_DATA*, int, long, void*) {
  made_context = static_cast<SSL_CTX*>(context);
}

void on_step(const SSL* connection, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) {
    return;
  }
  const timeval limit{.tv_sec = kHandshakeStep_s, .tv_usec = 0};
  const int socket = SSL_get_fd(connection);
  (void)setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  (void)setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

// The library (3.4) makes the handshake on a blocking socket, without a limit and under the lock that every use of the
// connection takes, and has no option for it. So the socket gets a limit when OpenSSL says that a handshake begins,
// through the context that the library makes for the options and shows nobody. Later it does not block, and no limit
// counts.
bool limit_handshakes(natsOptions* options) {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, on_new_context, nullptr, nullptr);
  CHECK(index >= 0);
  made_context = nullptr;
  if (natsOptions_SetSecure(options, true) != NATS_OK) {
    return false;
  }
  CHECK(made_context != nullptr);
  SSL_CTX_set_info_callback(std::exchange(made_context, nullptr), on_step);
  return true;
}

}  // namespace

Result<void> set_tls(natsOptions* options, const EngineTls& tls) {
  if (!limit_handshakes(options) || natsOptions_LoadCATrustedCertificates(options, tls.ca_file.c_str()) != NATS_OK) {
    return fail(ErrorCode::kConfig, "can't be used", "nats.tls_ca_file");
  }
  if (!tls.cert_file.empty() &&
      natsOptions_LoadCertificatesChain(options, tls.cert_file.c_str(), tls.key_file.c_str()) != NATS_OK) {
    return fail(ErrorCode::kConfig, "can't be used", "nats.tls_cert_file");
  }
  // Without a name it is the host of the URL: Debian builds the library so (NATS_FORCE_HOST_VERIFICATION).
  if (!tls.server_name.empty() && natsOptions_SetExpectedHostname(options, tls.server_name.c_str()) != NATS_OK) {
    return fail(ErrorCode::kConfig, "can't be used", "nats.tls_server_name");
  }
  return {};
}

}  // namespace hongbao::nats
