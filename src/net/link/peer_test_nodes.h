// For tests of the link between nodes: a node that answers, a node that asks, each with a PeerIo of its own, on
// loopback; and sockets that behave badly.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/link/peer_pool.h"
#include "net/link/peer_server.h"
#include "net/link/peer_test_identity.h"

namespace hongbao {

inline const std::string kAnsweringName = "node";
inline constexpr uint8_t kTestKind = 7;
inline constexpr std::chrono::seconds kPeerPatience{10};

// Short, so that tests needn't wait, and long enough for a busy machine.
inline PeerLimits test_limits() {
  return {.connect_timeout = std::chrono::milliseconds(500),
          .reconnect_after_min = std::chrono::milliseconds(20),
          .reconnect_after_max = std::chrono::milliseconds(100)};
}

// Answers "/echo…" with what was said, keeps the replies to "/held…" until the test takes them, drops those to "/drop",
// and answers "/big" with `big_bytes`.
class AnsweringNode {
 public:
  explicit AnsweringNode(PeerLimits limits = test_limits(), const std::string& at = "127.0.0.1:0",
                         PeerIdentity self = test_identity(kAnsweringName))
      : io_(std::move(self), limits),
        server_(io_, [this](const PeerRequest& request, PeerReply reply) { handle(request, std::move(reply)); }) {
    address_ = server_.bind(at).value();
    server_.start();
  }

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] PeerServer& server() { return server_; }
  [[nodiscard]] PeerIo& io() { return io_; }
  void stop() { io_.stop(); }
  size_t big_bytes = 0;

  // The reply to what was said, once that has arrived.
  PeerReply take(const std::string& said) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, kPeerPatience, [&] { return held_.contains(said); })) {
      ADD_FAILURE() << said << " did not arrive";
      return {nullptr, 0};
    }
    return std::move(held_.extract(said).mapped());
  }
  bool wait_for_held(size_t count) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, kPeerPatience, [&] { return held_.size() == count; });
  }
  std::multimap<std::string, PeerReply> take_all() {
    const std::lock_guard lock(mutex_);
    return std::exchange(held_, {});
  }

 private:
  void handle(const PeerRequest& request, PeerReply reply) {
    EXPECT_EQ(request.kind, kTestKind);
    if (request.payload.starts_with("/held")) {
      const std::lock_guard lock(mutex_);
      held_.emplace(request.payload, std::move(reply));
      arrived_.notify_all();
    } else if (request.payload == "/big") {
      reply.send(std::string(big_bytes, 'x'));
    } else if (request.payload != "/drop") {
      reply.send(request.payload);
    }
  }

  PeerIo io_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::multimap<std::string, PeerReply> held_;
  std::string address_;
  PeerServer server_;
};

class AskingNode {
 public:
  explicit AskingNode(PeerLimits limits = test_limits(), PeerIdentity self = test_identity("asker"))
      : io_(std::move(self), limits) {}

  using Answer = std::future<Result<std::string>>;

  static PeerRequest request(std::string_view said, std::chrono::milliseconds timeout = kPeerPatience,
                             uint64_t flow = 0) {
    return {.kind = kTestKind, .payload = said, .deadline = std::chrono::steady_clock::now() + timeout, .flow = flow};
  }

  Answer ask(const std::string& address, std::string_view said, std::chrono::milliseconds timeout = kPeerPatience,
             uint64_t flow = 0) {
    auto promise = std::make_shared<std::promise<Result<std::string>>>();
    Answer answer = promise->get_future();
    pool_.call({kAnsweringName, address}, request(said, timeout, flow), [promise](Result<std::string_view> result) {
      promise->set_value(result ? Result<std::string>(*result) : std::unexpected(result.error()));
    });
    return answer;
  }

  // Asks again until the node answers.
  bool can_reach(const std::string& address) {
    const auto until = std::chrono::steady_clock::now() + kPeerPatience;
    while (std::chrono::steady_clock::now() < until) {
      if (ask(address, "/echo").get()) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  [[nodiscard]] PeerPool& pool() { return pool_; }
  [[nodiscard]] PeerIo& io() { return io_; }

 private:
  PeerIo io_;
  PeerPool pool_{io_};
};

// What became of a call that was to fail.
inline ErrorCode code_of(AskingNode::Answer answer) {
  if (answer.wait_for(kPeerPatience) != std::future_status::ready) {
    ADD_FAILURE() << "a call hangs";
    return ErrorCode::kInternal;
  }
  const auto result = answer.get();
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::kConfig : result.error().code;
}

// A listener that accepts (by the kernel's hand) and says nothing, like a stopped process.
class MuteListener {
 public:
  MuteListener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &length), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  }
  ~MuteListener() { ::close(socket_); }
  MuteListener(const MuteListener&) = delete;
  MuteListener& operator=(const MuteListener&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] int socket() const { return socket_; }

 private:
  int socket_;
  std::string address_;
};

// A socket that is connected to "127.0.0.1:PORT", from an address of loopback, and gives up reading some day.
inline int connect_to(const std::string& address, uint32_t from = INADDR_LOOPBACK) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(from);
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  const timeval patience{kPeerPatience.count(), 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

// A socket between two nodes that carries bytes until it is told to hold them, like a process that is stopped.
class Valve {
 public:
  explicit Valve(const std::string& to) : to_(to), thread_([this] { run(); }) {}
  ~Valve() {
    ::shutdown(listener_.socket(), SHUT_RDWR);
    stopping_ = true;
    thread_.join();
  }
  Valve(const Valve&) = delete;
  Valve& operator=(const Valve&) = delete;

  [[nodiscard]] const std::string& address() const { return listener_.address(); }
  void hold(bool held) { held_ = held; }
  // That came, one after the other.
  [[nodiscard]] int connections() const { return connections_; }
  // Flips a bit of the next bytes that the client sends.
  void alter_next() { alter_ = true; }

 private:
  void run() {
    while (!stopping_) {
      const int client = ::accept(listener_.socket(), nullptr, nullptr);
      if (client < 0) {
        return;
      }
      const int server = connect_to(to_);
      ++connections_;
      while (!stopping_ && (held_ || (carry(client, server, true) && carry(server, client, false)))) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      ::close(client);
      ::close(server);
    }
  }

  bool carry(int from, int to, bool upwards) {
    const ssize_t got = ::recv(from, bytes_.data(), bytes_.size(), MSG_DONTWAIT);
    if (got < 0) {
      return true;
    }
    if (got > 0 && upwards && alter_.exchange(false)) {
      bytes_[static_cast<size_t>(got) - 1] ^= 1;
    }
    return got > 0 && ::send(to, bytes_.data(), static_cast<size_t>(got), MSG_NOSIGNAL) == got;
  }

  const std::string to_;
  MuteListener listener_;
  std::vector<uint8_t> bytes_ = std::vector<uint8_t>(256 * 1'024);
  std::atomic<int> connections_{0};
  std::atomic<bool> held_{false};
  std::atomic<bool> alter_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hongbao
