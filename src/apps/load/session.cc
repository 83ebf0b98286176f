#include "apps/load/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/json/parse.hpp>
#include <chrono>
#include <iterator>
#include <thread>
#include <vector>

#include "apps/load/first_exception.h"

namespace hongbao::load {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kCallTimeout{10};
constexpr std::chrono::milliseconds kRetryPause{100};

}  // namespace

Result<boost::asio::ip::tcp::endpoint> resolve(const HttpAddress& endpoint) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::resolver resolver(context);
  boost::system::error_code error;
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), error);
  if (error || found.empty()) {
    return fail(ErrorCode::kUnavailable, fmt::format("{} has no address: {}", endpoint.host, error.message()));
  }
  return found.begin()->endpoint();
}

Session::Session(const ResolvedAddress& target)
    : authority_(target.endpoint.authority()), connection_(context_, target.address, *this, 0) {}

void Session::on_exchange_ended(Connection&, Ending ending, const Answer& answer) {
  ending_ = ending;
  answer_ = answer;
}

Ending Session::exchange_once() {
  connection_.exchange(steady_clock::now());
  context_.restart();
  context_.run_for(kCallTimeout);
  if (connection_.busy()) {
    connection_.abort();
    context_.restart();
    context_.run();
  }
  return ending_;
}

Result<JsonAnswer> Session::call(std::string_view method, std::string_view path, std::string_view headers,
                                 std::string_view body, SteadyTime deadline) {
  while (true) {
    connection_.out().clear();
    fmt::format_to(std::back_inserter(connection_.out()), "{} {} HTTP/1.1\r\nHost: {}\r\n{}", method, path, authority_,
                   headers);
    if (!body.empty()) {
      connection_.out() += "Content-Type: application/json\r\n";
    }
    if (method != "GET") {
      fmt::format_to(std::back_inserter(connection_.out()), "Content-Length: {}\r\n", body.size());
    }
    fmt::format_to(std::back_inserter(connection_.out()), "\r\n{}", body);
    const Ending ending = exchange_once();
    if (ending == Ending::kAnswered && answer_.status != 429 && answer_.status != 503) {
      boost::json::error_code error;
      boost::json::value json = boost::json::parse(answer_.body, error);
      return JsonAnswer{.status = answer_.status, .body = error ? boost::json::value() : std::move(json)};
    }
    if (steady_clock::now() + kRetryPause >= deadline) {
      return fail(ErrorCode::kUnavailable,
                  ending == Ending::kAnswered
                      ? fmt::format("{} {} is answered {}: {}", method, path, answer_.status, answer_.body)
                      : fmt::format("{} does not answer {} {}", authority_, method, path));
    }
    std::this_thread::sleep_for(kRetryPause);
  }
}

void for_all(const ResolvedAddress& target, size_t sessions, size_t count,
             const std::function<void(Session&, size_t)>& work) {
  std::atomic<size_t> next = 0;
  const auto share = [&] {
    Session session(target);
    for (size_t i = next++; i < count; i = next++) {
      work(session, i);
    }
  };
  FirstException failed;
  {
    std::vector<std::jthread> threads;
    while (threads.size() < std::min(sessions, count)) {
      threads.emplace_back([&] { failed.keep(share); });
    }
  }
  failed.throw_again();
}

}  // namespace hongbao::load
