// The TLS of one connection to Redis, on a socket that libhiredis has connected: Debian 12's knows none itself.
//
// One thread.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/engine_tls.h"

namespace hongbao {

class RedisTls {
 public:
  // The socket stays the caller's, and is not blocking any more. nullptr: `error` has the reason.
  static std::unique_ptr<RedisTls> handshake(const EngineTls& tls, const std::string& host, int socket,
                                             SteadyTime deadline, std::string& error);

  // All of it. False: `error` has the reason, and the connection is of no use any more.
  bool write(std::string_view bytes, SteadyTime deadline, std::string& error);
  // How much there was, at least one byte; 0: as above.
  size_t read(char* to, size_t size, SteadyTime deadline, std::string& error);

 private:
  struct Free {
    void operator()(SSL* ssl) const;
  };
  RedisTls(std::unique_ptr<SSL, Free> ssl, int socket) : ssl_(std::move(ssl)), socket_(socket) {}

  // `step` is a call of the library that takes up where it stopped. False: `error` has the reason.
  template <class Step>
  bool carry_on(Step step, SteadyTime deadline, std::string& error);
  [[nodiscard]] std::string reason(int code) const;

  std::unique_ptr<SSL, Free> ssl_;
  int socket_;
};

}  // namespace hongbao
