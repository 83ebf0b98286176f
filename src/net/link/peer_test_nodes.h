// For tests of the link between nodes: a node that answers, a node that asks, each with a PeerIo of its own, on
// loopback; and sockets that behave badly.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "net/link/peer_pool.h"
#include "net/link/peer_server.h"

namespace hongbao {

inline constexpr Key256 kClusterKey{1, 2, 3};
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
                         const Key256& key = kClusterKey)
      : io_(key, limits),
        server_(io_, [this](const PeerRequest& request, PeerReply reply) { handle(request, std::move(reply)); }) {
    address_ = server_.bind(at).value();
    server_.start();
  }

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] PeerServer& server() { return server_; }
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
  explicit AskingNode(PeerLimits limits = test_limits(), const Key256& key = kClusterKey) : io_(key, limits) {}

  using Answer = std::future<Result<std::string>>;

  static PeerRequest request(std::string_view said, std::chrono::milliseconds timeout = kPeerPatience) {
    return {.kind = kTestKind, .payload = said, .deadline = std::chrono::steady_clock::now() + timeout};
  }

  Answer ask(const std::string& address, std::string_view said, std::chrono::milliseconds timeout = kPeerPatience) {
    auto promise = std::make_shared<std::promise<Result<std::string>>>();
    Answer answer = promise->get_future();
    pool_.call(address, request(said, timeout), [promise](Result<std::string_view> result) {
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

}  // namespace hongbao
