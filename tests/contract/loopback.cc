#include "contract/loopback.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr int kBacklog = 16;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

int listen_on_loopback(uint16_t& port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  CHECK(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  CHECK(listen(listener, kBacklog) == 0);
  CHECK(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port = ntohs(address.sin_port);
  return listener;
}

int connect_on_loopback(uint16_t port) {
  const int connected = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  CHECK(connect(connected, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return connected;
}

}  // namespace hongbao
