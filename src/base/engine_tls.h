// How connections to an engine (MariaDB, Redis, NATS) are encrypted. Every adapter has its library's own way to do it;
// what they are told, and what is checked before they are, is here. The server's certificate is always verified, chain
// and name: who does not ask who answers may as well talk in plain text.
//
// Threads: any.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hongbao {

struct EngineTls {
  std::string ca_file;      // of whoever may sign the server's certificate; empty: plain text, and nothing else counts
  std::string cert_file;    // this process's own, with key_file; empty: none
  std::string key_file;     // unencrypted
  std::string server_name;  // that the server's certificate must have; empty: the host that is connected to

  [[nodiscard]] bool is_on() const { return !ca_file.empty(); }
};

struct FreeTlsContext {
  void operator()(SSL_CTX* context) const;
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTlsContext>;

// Has `context` trust what is in `ca_file`, and show the certificate in `cert_file` whose key is in `key_file`; without
// a `cert_file`, none. kConfig: the files are not what they should be; the detail follows a file's name, and the field
// says which: "ca_file", "cert_file" or "key_file".
Result<void> load_tls_files(SSL_CTX* context, const std::string& ca_file, const std::string& cert_file,
                            const std::string& key_file);

// What connections are made from: TLS 1.2 or later, verified. REQUIRES: tls.is_on(). Errors: those of load_tls_files.
Result<TlsContext> make_tls_context(const EngineTls& tls);

// What is sent to this host stays on this machine. Names other than localhost are not looked up.
bool is_loopback(std::string_view host);

}  // namespace hongbao
