#include "net/http/server.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>

#include "base/log.h"
#include "base/log_rate.h"
#include "net/http/session.h"
#include "net/listen.h"

namespace hongbao {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::milliseconds kAcceptPause{50};

}  // namespace

HttpServer::HttpServer(HttpLimits limits, size_t io_threads, HttpApp app)
    : limits_(std::move(limits)),
      app_(std::move(app)),
      connections_({.all_max = limits_.connections_max,
                    .address_max = limits_.connections_per_address_max,
                    .proxies = limits_.proxies}) {
  for (size_t i = 0; i < io_threads; ++i) {
    ios_.push_back(std::make_unique<HttpIo>(limits_, app_, io_threads));
  }
}

HttpServer::~HttpServer() {
  stop();
}

Result<std::string> HttpServer::bind(const std::string& listen) {
  acceptor_.emplace(ios_.front()->context());
  accept_pause_.emplace(ios_.front()->context());
  return listen_at(*acceptor_, listen);
}

void HttpServer::start() {
  accept();
  for (const auto& io : ios_) {
    threads_.emplace_back([&io = *io] { io.run(); });
  }
}

void HttpServer::accept() {
  HttpIo& io = *ios_[next_io_];
  next_io_ = (next_io_ + 1) % ios_.size();
  acceptor_->async_accept(io.context(), [this, &io](const boost::system::error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) {
      return;
    }
    if (error) {
      if (const auto left_out = log_turn("accept_failed")) {
        log_warn("accept_failed", {{"error", error.message()}, {"suppressed", *left_out}});
      }
      accept_after_pause();  // most likely out of file descriptors
      return;
    }
    serve(io, std::move(socket));
    accept();
  });
}

void HttpServer::serve(HttpIo& io, tcp::socket socket) {
  boost::system::error_code gone;
  const auto address = socket.remote_endpoint(gone).address();
  if (gone) {
    return;
  }
  auto admission = connections_.admit(address);
  if (admission.make_room) {
    admission.make_room();
  }
  if (!admission.place) {
    log_refused(admission, address);
    return;
  }
  HttpConnections::Place& place = *admission.place;
  auto session = std::make_shared<HttpSession>(io, std::move(socket), std::move(admission.place));
  connections_.set_end(place, [&io, weak = std::weak_ptr(session)] {
    asio::post(io.context(), [weak] {
      if (const auto named = weak.lock()) {
        named->end_soon();
      }
    });
  });
  // Moved: a session ends on its own thread, and a client may be gone before this one goes on.
  asio::post(io.context(), [session = std::move(session)] { session->start(); });
}

void HttpServer::log_refused(const HttpConnections::Admission& refused, const asio::ip::address& client) const {
  if (const auto left_out = log_turn("connection_refused")) {
    if (refused.is_of_address) {
      log_warn("connection_refused", {{"address", client.to_string()},
                                      {"connections_per_address_max", limits_.connections_per_address_max},
                                      {"suppressed", *left_out}});
    } else {
      log_warn("connection_refused", {{"connections_max", limits_.connections_max}, {"suppressed", *left_out}});
    }
  }
}

void HttpServer::accept_after_pause() {
  accept_pause_->expires_after(kAcceptPause);
  accept_pause_->async_wait([this](const boost::system::error_code& error) {
    if (!error && acceptor_->is_open()) {
      accept();
    }
  });
}

void HttpServer::stop_accepting() {
  if (threads_.empty()) {
    return;
  }
  std::promise<void> closed;
  asio::post(ios_.front()->context(), [this, &closed] {
    boost::system::error_code ignored;
    acceptor_->close(ignored);
    closed.set_value();
  });
  closed.get_future().wait();
}

bool HttpServer::owes_answers() const {
  return std::any_of(ios_.begin(), ios_.end(), [](const auto& io) { return io->owed() > 0; });
}

void HttpServer::stop() {
  for (const auto& io : ios_) {
    io->stop();
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

}  // namespace hongbao
