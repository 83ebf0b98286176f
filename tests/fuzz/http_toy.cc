#include "fuzz/http_toy.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/beast/core/string.hpp>

#include <array>
#include <cerrno>

#include "base/check.h"
#include "net/http/session.h"

namespace hongbao {

void HttpToy::connect() {
  requests_.clear();
  received_.clear();
  ended_ = false;
  std::array<int, 2> ends{};
  CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  socket_ = ends[0];
  using boost::asio::ip::tcp;
  auto session = std::make_shared<HttpSession>(io_, tcp::socket(io_.context(), tcp::v4(), ends[1]),
                                               connections_.admit(boost::asio::ip::address_v4::loopback()).place);
  session_ = session;
  session->start();
}

bool HttpToy::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      CHECK(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
    run();
  }
  return true;
}

void HttpToy::answer_one() {
  if (!held_.empty()) {
    Held held = std::move(held_.back());
    held_.pop_back();
    held.reply.send({.body = std::move(held.body)});
    run();
  }
}

void HttpToy::let_time_pass() {
  if (const auto session = session_.lock()) {
    session->check_timeouts(std::chrono::steady_clock::now() + std::chrono::hours(1));
  }
  run();
}

void HttpToy::finish() {
  ::shutdown(socket_, SHUT_WR);
  run();
  while (!held_.empty()) {
    answer_one();
  }
  CHECK(ended_);
  CHECK(session_.expired());
  CHECK(io_.owed() == 0);
  ::close(socket_);
}

void HttpToy::handle(const HttpRequest& request, Reply reply) {
  // RFC 9112, section 6.1: any other coding would leave the body's end unknown.
  CHECK(request.count(http::field::transfer_encoding) == 0 ||
        boost::beast::iequals(request.header(http::field::transfer_encoding), "chunked"));
  CHECK(request.body().size() <= limits_.body_bytes_max);
  const std::string_view target(request.target());
  std::string body = fmt::format("{} {} {} {}", requests_.size(), std::string_view(http::to_string(request.method())),
                                 target, request.body());
  const bool dropped = target == "/drop";
  requests_.push_back({dropped ? "refused" : body, request.method() == http::verb::head});
  if (target.starts_with("/held")) {
    held_.push_back({std::move(reply), std::move(body)});
  } else if (!dropped) {
    reply.send({.body = std::move(body), .close = target == "/close"});
  }
}

// Until neither side has anything to do.
void HttpToy::run() {
  do {
    io_.context().restart();
    while (io_.context().poll() > 0) {
    }
  } while (receive());
}

bool HttpToy::receive() {
  std::array<char, 16 * 1024> bytes;
  const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
  if (got > 0) {
    received_.append(bytes.data(), static_cast<size_t>(got));
    return true;
  }
  ended_ = got == 0 || errno == ECONNRESET;
  return false;
}

}  // namespace hongbao
