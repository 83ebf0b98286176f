#include "contract/stalling_proxy.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/check.h"

namespace hongbao {
namespace {

sockaddr_in stalled_at(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

StallingProxy::StallingProxy(uint16_t server_port, bool server_greets)
    : server_port_(server_port), server_greets_(server_greets), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address = stalled_at(0);
  socklen_t size = sizeof address;
  CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  CHECK(listen(listener_, 16) == 0);
  CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
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
      const int server = socket(AF_INET, SOCK_STREAM, 0);
      sockets_.push_back(server);
      const sockaddr_in address = stalled_at(server_port_);
      std::array<char, 4'096> greeting{};
      CHECK(connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
      const ssize_t got = recv(server, greeting.data(), greeting.size(), 0);
      CHECK(got > 0 && send(client, greeting.data(), static_cast<size_t>(got), MSG_NOSIGNAL) == got);
    }
  }
}

}  // namespace hongbao
