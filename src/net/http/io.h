// One I/O thread of a server: its io_context, the sessions that live on it, the answers that other threads hand over to
// it, and a sweeper that ends sessions which are slow or idle.
//
// Answers from other threads are gathered: the first one wakes the thread, and those that follow before it runs come
// along, so that a committed batch costs few wake-ups.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "net/http/owed_bytes.h"
#include "net/http/types.h"

namespace hongbao {

class HttpSession;

struct HttpLimits {
  uint32_t connections_max = 0;
  uint32_t connections_per_address_max = 0;
  std::set<boost::asio::ip::address> proxies{};  // addresses of many clients each: without limits of their own
  uint32_t header_bytes_max = 0;
  uint64_t body_bytes_max = 0;
  uint32_t pipelined_requests_max = 0;    // of one connection, answered or not
  int64_t owed_bytes_connection_max = 0;  // of answers that a client has not taken; of one address, and in all
  int64_t owed_bytes_address_max = 0;
  int64_t owed_bytes_max = 0;
  std::chrono::milliseconds first_byte_timeout{};  // from a connection's beginning to its first byte
  std::chrono::milliseconds request_timeout{};     // from a request's first byte to its last; to take an answer
  std::chrono::milliseconds idle_timeout{};        // between requests; above the 60 s of common balancers
};

class HttpIo {
 public:
  // `ios`: how many share the limits of bytes, each with its part.
  HttpIo(const HttpLimits& limits, const HttpApp& app, size_t ios = 1);

  // The thread's body; returns after `stop`.
  void run();
  void stop() { context_.stop(); }

  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  [[nodiscard]] const HttpLimits& limits() const { return limits_; }
  [[nodiscard]] const HttpApp& app() const { return app_; }

  // Any thread.
  void deliver(std::shared_ptr<HttpSession> session, uint64_t request, HttpResponse response);
  [[nodiscard]] bool on_this_thread() { return context_.get_executor().running_in_this_thread(); }

  // Answers that sessions still have to write.
  [[nodiscard]] int64_t owed() const { return owed_.load(std::memory_order_relaxed); }

  // This thread.
  void add(HttpSession* session) { sessions_.insert(session); }
  void remove(HttpSession* session) { sessions_.erase(session); }
  [[nodiscard]] OwedBytes& owed_bytes() { return owed_bytes_; }
  void count_owed(int64_t change) { owed_.fetch_add(change, std::memory_order_relaxed); }
  [[nodiscard]] const std::string& date() const { return date_; }  // RFC 9110 IMF-fixdate, to the second

 private:
  struct Delivery {
    std::shared_ptr<HttpSession> session;
    uint64_t request;
    HttpResponse response;
  };

  void take_deliveries();
  void sweep();

  const HttpLimits& limits_;
  const HttpApp& app_;
  OwedBytes owed_bytes_;
  std::unordered_set<HttpSession*> sessions_;  // before the context, whose end ends sessions, which leave this set
  boost::asio::io_context context_{1};
  boost::asio::steady_timer sweeper_{context_};
  std::string date_;
  std::atomic<int64_t> owed_{0};
  std::mutex mutex_;
  std::vector<Delivery> deliveries_;  // guarded by mutex_
  std::vector<Delivery> taken_;
};

}  // namespace hongbao
