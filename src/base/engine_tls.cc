#include "base/engine_tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr int kLoopbackNet = 127;
constexpr int kNetShift = 24;

std::unexpected<Error> refuse_file(const char* member, const char* why) {
  ERR_clear_error();
  return fail(ErrorCode::kConfig, why, member);
}

}  // namespace

void FreeTlsContext::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}

Result<TlsContext> make_tls_context(const EngineTls& tls) {
  CHECK(tls.is_on());
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  CHECK(context != nullptr);
  SSL_CTX* made = context.get();
  CHECK(SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION) == 1);
  SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
  if (auto loaded = load_tls_files(made, tls.ca_file, tls.cert_file, tls.key_file); !loaded) {
    return std::unexpected(loaded.error());
  }
  return context;
}

Result<void> load_tls_files(SSL_CTX* context, const std::string& ca_file, const std::string& cert_file,
                            const std::string& key_file) {
  if (SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) != 1) {
    return refuse_file("ca_file", "holds no certificate in PEM");
  }
  if (cert_file.empty()) {
    return {};
  }
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1) {
    return refuse_file("cert_file", "holds no certificate in PEM");
  }
  // Of an encrypted key it would ask the terminal for the password.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return refuse_file("key_file", "holds no unencrypted key in PEM that belongs to the certificate");
  }
  return {};
}

bool is_loopback(std::string_view host) {
  const std::string text(host);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    return ntohl(v4.s_addr) >> kNetShift == kLoopbackNet;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    return IN6_IS_ADDR_LOOPBACK(&v6);
  }
  return text == "localhost";
}

}  // namespace hongbao
