// One HTTP/1.1 keep-alive connection that carries one exchange at a time: write a request, read its answer. It connects
// by itself when it isn't connected, and never retries. Requests are text the owner writes into `out()`, whose memory
// is kept from one to the next.
//
// Owned by a player or a session; used on its io_context's one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <optional>
#include <string>

#include "apps/load/answer.h"
#include "base/clock.h"

namespace hongbao::load {

// How an exchange ended.
enum class Ending : uint8_t {
  kAnswered,
  kRefused,  // no connection: the request has not left
  kBroken,   // the connection broke: the request may have taken effect
};

class Connection;

class ConnectionOwner {
 public:
  // The connection is free again. `answer` is valid during the call, and only when `ending` is kAnswered.
  virtual void on_exchange_ended(Connection& connection, Ending ending, const Answer& answer) = 0;

 protected:
  ~ConnectionOwner() = default;
};

class Connection {
 public:
  Connection(boost::asio::io_context& context, const boost::asio::ip::tcp::endpoint& endpoint, ConnectionOwner& owner,
             size_t index)
      : socket_(context), endpoint_(endpoint), owner_(owner), index_(index) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The request; clear it and write it before each exchange.
  std::string& out() { return out_; }
  // REQUIRES: not busy.
  void exchange(SteadyTime now);
  // Ends a running exchange as kBroken.
  void abort();

  [[nodiscard]] bool busy() const { return busy_; }
  [[nodiscard]] SteadyTime started_at() const { return started_at_; }
  [[nodiscard]] size_t index() const { return index_; }

 private:
  void connect();
  void write();
  void write_rest(size_t written);
  void read();
  void on_read(const boost::system::error_code& error, size_t bytes);
  void end(Ending ending);

  static constexpr size_t kReadBytes = 16 * 1024;

  boost::asio::ip::tcp::socket socket_;
  boost::asio::ip::tcp::endpoint endpoint_;
  ConnectionOwner& owner_;
  size_t index_;
  bool connected_ = false;
  bool busy_ = false;
  SteadyTime started_at_;
  std::string out_;
  boost::beast::flat_buffer in_;
  Answer answer_;
  std::optional<AnswerParser> parser_;
};

}  // namespace hongbao::load
