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

HttpServer::HttpServer(HttpLimits limits, size_t io_threads, HttpApp app) : limits_(limits), app_(std::move(app)) {
  for (size_t i = 0; i < io_threads; ++i) {
    ios_.push_back(std::make_unique<HttpIo>(limits_, app_));
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
    if (connections_.load() >= limits_.connections_max) {
      if (const auto left_out = log_turn("connection_refused")) {
        log_warn("connection_refused", {{"connections_max", limits_.connections_max}, {"suppressed", *left_out}});
      }
    } else {
      connections_.fetch_add(1);
      std::shared_ptr<void> count(nullptr, [this](void*) { connections_.fetch_sub(1); });
      auto session = std::make_shared<HttpSession>(io, std::move(socket), std::move(count));
      asio::post(io.context(), [session = std::move(session)] { session->start(); });
    }
    accept();
  });
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
