#include "contract/cutting_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "contract/loopback.h"

namespace hongbao {
namespace {

constexpr int kPoll_ms = 20;
constexpr size_t kHeaderBytes = 4;  // of a packet: its length in 3 bytes, and its number
constexpr std::string_view kCommit(
    "\x03"
    "COMMIT");

bool is_readable(int socket) {
  pollfd poll_for{.fd = socket, .events = POLLIN, .revents = 0};
  return poll(&poll_for, 1, kPoll_ms) == 1;
}

// False: the other side closed.
bool read_some(int socket, std::string& to) {
  std::array<char, 65'536> buffer{};
  const ssize_t got = recv(socket, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    return false;
  }
  to.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

bool write_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// The bytes of the whole packets at the beginning of `bytes`.
size_t whole_packets(std::string_view bytes) {
  size_t end = 0;
  while (bytes.size() - end >= kHeaderBytes) {
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes[end + i])); };
    const size_t next = end + kHeaderBytes + (byte(0) | byte(1) << 8 | byte(2) << 16);
    if (next > bytes.size()) {
      break;
    }
    end = next;
  }
  return end;
}

}  // namespace

CuttingProxy::CuttingProxy(mariadb::Server server) : server_(std::move(server)) {
  listener_ = listen_on_loopback(port_);
  acceptor_ = std::thread([this] { accept_loop(); });
}

CuttingProxy::~CuttingProxy() {
  stopping_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) {
    connection.join();
  }
  close(listener_);
}

mariadb::Server CuttingProxy::server() const {
  mariadb::Server by_proxy = server_;
  by_proxy.host = "127.0.0.1";
  by_proxy.port = port_;
  by_proxy.tls = {};  // it reads what it passes
  return by_proxy;
}

void CuttingProxy::accept_loop() {
  while (!stopping_) {
    if (!is_readable(listener_)) {
      continue;
    }
    const int client = accept(listener_, nullptr, nullptr);
    const int server = connect_on_loopback(server_.port);
    connections_.emplace_back([this, client, server] {
      pass(client, server);
      shutdown(client, SHUT_RDWR);
      close(client);
      close(server);
    });
  }
}

void CuttingProxy::pass(int client, int server) {
  std::string to_server;
  std::string to_client;
  while (!stopping_) {
    std::array<pollfd, 2> sides{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
    if (poll(sides.data(), sides.size(), kPoll_ms) <= 0) {
      continue;
    }
    if (sides[1].revents != 0) {
      to_client.clear();
      if (!read_some(server, to_client) || !write_all(client, to_client)) {
        return;
      }
    }
    if (sides[0].revents == 0) {
      continue;
    }
    if (!read_some(client, to_server)) {
      return;
    }
    const size_t whole = whole_packets(to_server);
    const std::string packets = to_server.substr(0, whole);
    to_server.erase(0, whole);
    const bool commits = packets.find(kCommit) == kHeaderBytes;
    const Cut cut = commits ? next_cut_.exchange(Cut::kNone) : Cut::kNone;
    if (cut == Cut::kBeforeCommit) {
      return;
    }
    if (cut == Cut::kLateCommit) {
      shutdown(client, SHUT_RDWR);
      std::this_thread::sleep_for(kLate);
    }
    if (!write_all(server, packets)) {
      return;
    }
    if (cut != Cut::kNone) {
      (void)read_some(server, to_client);  // it has been executed
      return;
    }
  }
}

}  // namespace hongbao
