#include "opens/closed_loop.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>

namespace hongbao::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kStallMax_ms = 30'000;
constexpr size_t kReadBytes = 16 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) {
      ::close(value_);
    }
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

struct Connection {
  Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  size_t request = 0;
  steady_clock::time_point sent_at;
  std::string in;  // the beginning of an answer, when it came in pieces
};

class Loop {
 public:
  Loop(const std::vector<std::string>& requests, Framing framing) : requests_(requests), framing_(framing) {
    result_.answers.resize(requests.size());
  }

  void connect(uint16_t port, uint32_t connections) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (uint32_t i = 0; i < connections; ++i) {
      auto& connection = *connections_.emplace_back(std::make_unique<Connection>());
      const int socket = connection.socket.get();
      const int on = 1;
      require(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
      require(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "setsockopt");
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
      require(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event) == 0, "epoll_ctl");
    }
  }

  LoopResult run() {
    const auto start = steady_clock::now();
    for (const auto& connection : connections_) {
      send_next(*connection);
    }
    std::array<epoll_event, 64> events;
    while (answered_ < requests_.size()) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), kStallMax_ms);
      require(count > 0, count == 0 ? "the server stalls" : "epoll_wait");
      for (int i = 0; i < count; ++i) {
        on_readable(*static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr));
      }
    }
    result_.seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    return std::move(result_);
  }

 private:
  static void require(bool holds, const char* doing) {
    if (!holds) {
      throw std::system_error(errno, std::generic_category(), doing);
    }
  }

  void send_next(Connection& connection) {
    if (next_ == requests_.size()) {
      return;
    }
    connection.request = next_++;
    connection.sent_at = steady_clock::now();
    const std::string& text = requests_[connection.request];
    require(
        ::send(connection.socket.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()),
        "send");
  }

  void on_readable(Connection& connection) {
    const ssize_t bytes = ::recv(connection.socket.get(), buffer_.data(), buffer_.size(), 0);
    require(bytes > 0, bytes == 0 ? "the server closed a connection" : "recv");
    std::string_view in(buffer_.data(), static_cast<size_t>(bytes));
    if (!connection.in.empty()) {
      connection.in += in;
      in = connection.in;
    }
    const size_t length = framing_(in);
    if (length == 0) {
      connection.in = std::string(in);
      return;
    }
    const auto took = steady_clock::now() - connection.sent_at;
    result_.latency.add(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    result_.answers[connection.request] = in.substr(0, length);
    connection.in.clear();
    ++answered_;
    send_next(connection);
  }

  const std::vector<std::string>& requests_;
  const Framing framing_;
  const Descriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::array<char, kReadBytes> buffer_;
  LoopResult result_;
  size_t next_ = 0;
  size_t answered_ = 0;
};

}  // namespace

Result<LoopResult> run_closed_loop(uint16_t port, uint32_t connections, const std::vector<std::string>& requests,
                                   Framing framing) {
  try {
    const auto loop = std::make_unique<Loop>(requests, framing);
    loop->connect(port, connections);
    return loop->run();
  } catch (const std::system_error& error) {
    return fail(ErrorCode::kUnavailable, error.what());
  }
}

}  // namespace hongbao::bench
