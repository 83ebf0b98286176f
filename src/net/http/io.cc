#include "net/http/io.h"

#include <fmt/chrono.h>

#include <boost/asio/post.hpp>

#include "base/thread.h"
#include "net/http/session.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kSweepEvery{100};

std::string date_now() {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::time(nullptr)));
}

}  // namespace

HttpIo::HttpIo(const HttpLimits& limits, const HttpApp& app, size_t ios)
    : limits_(limits),
      app_(app),
      owed_bytes_({.connection_max = limits.owed_bytes_connection_max,
                   .address_max = limits.owed_bytes_address_max / static_cast<int64_t>(ios),
                   .all_max = limits.owed_bytes_max / static_cast<int64_t>(ios)}),
      date_(date_now()) {}

void HttpIo::run() {
  name_this_thread("http");
  sweep();
  const auto guard = boost::asio::make_work_guard(context_);
  context_.run();
}

void HttpIo::deliver(std::shared_ptr<HttpSession> session, uint64_t request, HttpResponse response) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = deliveries_.empty();
    deliveries_.push_back({std::move(session), request, std::move(response)});
  }
  if (first) {
    boost::asio::post(context_, [this] { take_deliveries(); });
  }
}

void HttpIo::take_deliveries() {
  {
    const std::lock_guard lock(mutex_);
    std::swap(taken_, deliveries_);
  }
  for (Delivery& delivery : taken_) {
    delivery.session->complete(delivery.request, std::move(delivery.response));
  }
  taken_.clear();
}

void HttpIo::sweep() {
  date_ = date_now();
  const auto now = std::chrono::steady_clock::now();
  // A session that ends leaves the set, so walk a copy.
  const std::vector<HttpSession*> sessions(sessions_.begin(), sessions_.end());
  for (HttpSession* session : sessions) {
    session->check_timeouts(now);
  }
  sweeper_.expires_after(kSweepEvery);
  sweeper_.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      sweep();
    }
  });
}

}  // namespace hongbao
