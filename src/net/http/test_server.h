// For tests of the HTTP server: a toy handler behind a real listener on loopback, and a client that writes bytes as it
// is told. A client waits at most kPatience for anything, so that a broken server fails a test instead of hanging it.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/server.h"

namespace hongbao {

inline constexpr std::chrono::seconds kPatience{10};

// Says the status that HTTP has for it, and in the body what was wrong.
inline HttpResponse error_page(const Error& error) {
  struct Page {
    http::status status;
    std::string_view body;
  };
  static const std::map<ErrorCode, Page> kPages{
      {ErrorCode::kMalformedRequest, {http::status::bad_request, "malformed_request"}},
      {ErrorCode::kBodyTooLarge, {http::status::payload_too_large, "body_too_large"}},
      {ErrorCode::kHeaderTooLarge, {http::status::request_header_fields_too_large, "header_too_large"}},
      {ErrorCode::kTargetTooLong, {http::status::uri_too_long, "target_too_long"}},
      {ErrorCode::kRequestTimeout, {http::status::request_timeout, "request_timeout"}},
      {ErrorCode::kNotImplemented, {http::status::not_implemented, "not_implemented"}},
      {ErrorCode::kVersionNotSupported, {http::status::http_version_not_supported, "version_not_supported"}},
      {ErrorCode::kDeadlineExceeded, {http::status::service_unavailable, "deadline_exceeded"}},
      {ErrorCode::kOutcomeUnknown, {http::status::service_unavailable, "outcome_unknown"}},
      {ErrorCode::kOverloaded, {http::status::service_unavailable, "overloaded"}},
      {ErrorCode::kInternal, {http::status::internal_server_error, "internal"}}};
  const auto page = kPages.find(error.code);
  if (page == kPages.end()) {
    ADD_FAILURE() << "no page for " << error.detail;
    return {.status = http::status::not_found};
  }
  return {.status = page->second.status, .body = std::string(page->second.body), .headers = "X-Error-Page: 1\r\n"};
}

// What most tests never reach.
struct TestLimits {
  uint32_t connections_max = 10'000;
  uint32_t connections_per_address_max = 10'000;
  std::set<boost::asio::ip::address> proxies{};
  int64_t owed_bytes_connection_max = 1 << 30;
  int64_t owed_bytes_address_max = 1 << 30;
  int64_t owed_bytes_max = 1 << 30;
  std::chrono::milliseconds first_byte_timeout = std::chrono::seconds(10);
  uint32_t pipelined_requests_max = 64;
  std::chrono::milliseconds request_timeout = std::chrono::seconds(10);
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);
};

// Answers "/echo…" at once with the target and the body, keeps the replies to "/held…" until the test answers them
// (those to "/held/late…" are late after kLate), drops the replies to "/drop", and answers "/headers" with two of them
// and the body, "/big" with kBigBytes, "/half…" with kHalf bytes and "/close" with the end of the connection.
class TestServer {
 public:
  static constexpr size_t kBigBytes = 16 << 20;
  static constexpr int64_t kHalf = 500'000;
  static constexpr std::chrono::milliseconds kLate{200};

  explicit TestServer(TestLimits limits = {}, size_t io_threads = 2)
      : server_(
            {.connections_max = limits.connections_max,
             .connections_per_address_max = limits.connections_per_address_max,
             .proxies = limits.proxies,
             .header_bytes_max = 8'192,
             .body_bytes_max = 16'384,
             .pipelined_requests_max = limits.pipelined_requests_max,
             .owed_bytes_connection_max = limits.owed_bytes_connection_max,
             .owed_bytes_address_max = limits.owed_bytes_address_max,
             .owed_bytes_max = limits.owed_bytes_max,
             .first_byte_timeout = limits.first_byte_timeout,
             .request_timeout = limits.request_timeout,
             .idle_timeout = limits.idle_timeout},
            io_threads,
            {.handler = [this](const HttpRequest& request, Reply reply) { handle(request, std::move(reply)); },
             .error_page = error_page,
             .answer_size = [](const HttpRequest& request) -> int64_t {
               return request.target() == "/big" ? kBigBytes : request.target().starts_with("/half") ? kHalf : 1'024;
             },
             .observer =
                 [this](const HttpResponse& response) {
                   const std::lock_guard lock(mutex_);
                   told_.push_back(response.status);
                 }}) {
    const std::string at = server_.bind("127.0.0.1:0").value();
    port_ = static_cast<uint16_t>(std::stoi(at.substr(at.rfind(':') + 1)));
    server_.start();
  }

  [[nodiscard]] uint16_t port() const { return port_; }
  HttpServer& server() { return server_; }

  // The reply to a request for `target`, once it has arrived.
  Reply take(const std::string& target) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, kPatience, [&] { return held_.contains(target); })) {
      ADD_FAILURE() << target << " did not arrive";
      return {nullptr, 0};
    }
    auto node = held_.extract(target);
    return std::move(node.mapped());
  }

  // The statuses of all answers that were written.
  std::vector<http::status> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

  // How many "/half…" were asked for.
  [[nodiscard]] int halves() const { return halves_.load(); }

  size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }

 private:
  void handle(const HttpRequest& request, Reply reply) {
    const std::string target(request.target());
    if (target.starts_with("/held")) {
      if (target.starts_with("/held/late")) {
        reply.set_late_at(std::chrono::steady_clock::now() + kLate);
      }
      const std::lock_guard lock(mutex_);
      held_.emplace(target, std::move(reply));
      arrived_.notify_all();
    } else if (target == "/big") {
      reply.send({.body = std::string(kBigBytes, 'x')});
    } else if (target.starts_with("/half")) {
      halves_.fetch_add(1);
      reply.send({.body = std::string(kHalf, 'h')});
    } else if (target == "/headers") {
      const auto own = request.find_header("x-own").value_or("");
      reply.send({.body = fmt::format("{}|{}|{}", request.header(http::field::authorization), own, request.body())});
    } else if (target == "/close") {
      reply.send({.body = "bye", .close = true});
    } else if (target != "/drop") {
      reply.send({.body = target + "|" + request.body(), .headers = "X-Toy: 1\r\n"});
    }
  }

  std::atomic<int> halves_{0};
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<std::string, Reply> held_;
  std::vector<http::status> told_;
  uint16_t port_ = 0;
  HttpServer server_;
};

struct TestResponse {
  int status = 0;  // 0: the connection ended instead
  std::string head;
  std::string body;
};

class TestClient {
 public:
  explicit TestClient(const TestServer& server) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{kPatience.count(), 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~TestClient() { disconnect(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // False when the server did not take all of it.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      text.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  void get(const std::string& target) { send("GET " + target + " HTTP/1.1\r\nHost: toy\r\n\r\n"); }
  void half_close() { ::shutdown(socket_, SHUT_WR); }
  void disconnect() {
    if (socket_ >= 0) {
      ::close(socket_);
    }
    socket_ = -1;
  }

  // `has_body`: false for the answer to a HEAD request.
  TestResponse receive(bool has_body = true) {
    size_t end = std::string::npos;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) {
        return {};
      }
    }
    TestResponse response{std::stoi(input_.substr(9, 3)), input_.substr(0, end + 2), {}};
    input_.erase(0, end + 4);
    const size_t length = response.head.find("Content-Length: ");
    const size_t bytes = length == std::string::npos || !has_body ? 0 : std::stoul(response.head.substr(length + 16));
    while (input_.size() < bytes) {
      if (!more()) {
        return {};
      }
    }
    response.body = input_.substr(0, bytes);
    input_.erase(0, bytes);
    return response;
  }

  TestResponse ask(const std::string& target) {
    get(target);
    return receive();
  }

  // The server ended the connection, and said nothing more before.
  bool at_end() { return input_.empty() && !more() && ended_; }

 private:
  bool more() {
    char bytes[16 * 1024];
    const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
    ended_ = got == 0 || (got < 0 && errno == ECONNRESET);
    if (got <= 0) {
      return false;
    }
    input_.append(bytes, static_cast<size_t>(got));
    return true;
  }

  int socket_;
  std::string input_;
  bool ended_ = false;
};

}  // namespace hongbao
