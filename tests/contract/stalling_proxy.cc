#include "contract/stalling_proxy.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/check.h"
#include "contract/loopback.h"

namespace hongbao {

StallingProxy::StallingProxy(uint16_t server_port, bool server_greets)
    : server_port_(server_port), server_greets_(server_greets), listener_(listen_on_loopback(port_)) {
  acceptor_ = std::jthread([this] { accept_loop(); });
}

StallingProxy::~StallingProxy() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  for (const int each : sockets_) {
    close(each);
  }
}

void StallingProxy::accept_loop() {
  while (true) {
    const int client = accept(listener_, nullptr, nullptr);
    if (client < 0) {
      return;
    }
    sockets_.push_back(client);
    if (server_greets_) {
      const int server = connect_on_loopback(server_port_);
      sockets_.push_back(server);
      std::array<char, 4'096> greeting{};
      const ssize_t got = recv(server, greeting.data(), greeting.size(), 0);
      CHECK(got > 0 && send(client, greeting.data(), static_cast<size_t>(got), MSG_NOSIGNAL) == got);
    }
  }
}

}  // namespace hongbao
