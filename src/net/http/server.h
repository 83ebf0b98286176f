// An HTTP/1.1 server: one acceptor, several I/O threads, connections dealt to them in turn. `bind`, `start`,
// `stop_accepting`, `stop`: the owner.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "net/http/connections.h"
#include "net/http/io.h"

namespace hongbao {

class HttpServer {
 public:
  HttpServer(HttpLimits limits, size_t io_threads, HttpApp app);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds "address:port" (port 0: any). kConfig when that can't be done. Returns the address it will serve at.
  Result<std::string> bind(const std::string& listen);
  // Serves. REQUIRES: bound.
  void start();

  void stop_accepting();
  // Ends all connections at once.
  void stop();

  // Requests that were taken and not answered yet, or answers not written yet.
  [[nodiscard]] bool owes_answers() const;

 private:
  void accept();
  void accept_after_pause();
  void serve(HttpIo& io, boost::asio::ip::tcp::socket socket);
  void log_refused(const HttpConnections::Admission& refused, const boost::asio::ip::address& client) const;

  const HttpLimits limits_;
  const HttpApp app_;
  HttpConnections connections_;  // before the sessions, which have places in it
  std::vector<std::unique_ptr<HttpIo>> ios_;
  std::optional<boost::asio::ip::tcp::acceptor> acceptor_;
  std::optional<boost::asio::steady_timer> accept_pause_;
  size_t next_io_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace hongbao
