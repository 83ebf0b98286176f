#include "adapters/redis/redis_tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace hongbao {
namespace {

// False: the deadline came first.
bool await(int socket, short events, SteadyTime deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return false;
    }
    pollfd waiting{.fd = socket, .events = events, .revents = 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0) {
      return true;
    }
    if (ready < 0 && errno != EINTR) {
      return false;
    }
  }
}

}  // namespace

void RedisTls::Free::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

std::unique_ptr<RedisTls> RedisTls::handshake(const EngineTls& tls, const std::string& host, int socket,
                                              SteadyTime deadline, std::string& error) {
  const auto context = make_tls_context(tls);  // for each connection, so that renewed files are seen
  if (!context) {
    error = context.error().field + " " + context.error().detail;
    return nullptr;
  }
  std::unique_ptr<SSL, Free> ssl(SSL_new(context->get()));
  CHECK(ssl != nullptr);
  const std::string& name = tls.server_name.empty() ? host : tls.server_name;
  SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int flags = fcntl(socket, F_GETFL);
  const bool is_set = SSL_set1_host(ssl.get(), name.c_str()) == 1 && SSL_set_fd(ssl.get(), socket) == 1 &&
                      SSL_set_tlsext_host_name(ssl.get(), name.c_str()) == 1 && flags >= 0 &&
                      fcntl(socket, F_SETFL, flags | O_NONBLOCK) == 0;
  if (!is_set) {
    error = "TLS can't be used";
    return nullptr;
  }
  std::unique_ptr<RedisTls> made(new RedisTls(std::move(ssl), socket));
  SSL* connecting = made->ssl_.get();
  return made->carry_on([connecting] { return SSL_connect(connecting); }, deadline, error) ? std::move(made) : nullptr;
}

template <class Step>
bool RedisTls::carry_on(Step step, SteadyTime deadline, std::string& error) {
  while (true) {
    ERR_clear_error();
    const int done = step();
    if (done > 0) {
      return true;
    }
    const int code = SSL_get_error(ssl_.get(), done);
    if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE) {
      error = reason(code);
      return false;
    }
    if (!await(socket_, code == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
      error = "no answer in time";
      return false;
    }
  }
}

std::string RedisTls::reason(int code) const {
  if (const long verified = SSL_get_verify_result(ssl_.get()); verified != X509_V_OK) {
    return std::string("the server's certificate is not believed: ") + X509_verify_cert_error_string(verified);
  }
  const char* said = ERR_reason_error_string(ERR_peek_error());
  if (code == SSL_ERROR_SYSCALL && errno != 0) {
    return std::generic_category().message(errno);
  }
  return code == SSL_ERROR_ZERO_RETURN || said == nullptr ? "the server closed the connection"
                                                          : std::string("TLS: ") + said;
}

bool RedisTls::write(std::string_view bytes, SteadyTime deadline, std::string& error) {
  size_t written = 0;
  return bytes.empty() ||
         carry_on([&] { return SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written); }, deadline, error);
}

size_t RedisTls::read(char* to, size_t size, SteadyTime deadline, std::string& error) {
  size_t got = 0;
  return carry_on([&] { return SSL_read_ex(ssl_.get(), to, size, &got); }, deadline, error) ? got : 0;
}

}  // namespace hongbao
