// A proxy before an engine that brings the server's greeting, if it has one, and then goes silent without closing: what
// a client meets in the middle of a TLS handshake when a server freezes or a network swallows everything.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

namespace hongbao {

class StallingProxy {
 public:
  // Of a server on 127.0.0.1.
  StallingProxy(uint16_t server_port, bool server_greets);
  StallingProxy(const StallingProxy&) = delete;
  StallingProxy& operator=(const StallingProxy&) = delete;
  ~StallingProxy();

  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  void accept_loop();

  const uint16_t server_port_;
  const bool server_greets_;
  uint16_t port_ = 0;
  const int listener_;        // at port_
  std::vector<int> sockets_;  // the acceptor's
  std::jthread acceptor_;
};

}  // namespace hongbao
