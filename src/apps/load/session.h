// Calls that wait for their answer, for what comes before and after the load: deposits, polling, checks. A session has
// one connection and retries broken connections, 429 and 503 until a deadline. `for_all` spreads work over sessions.
// One thread a session.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "apps/http_address.h"
#include "apps/load/connection.h"
#include "base/result.h"

namespace hongbao::load {

// The address of an endpoint; kUnavailable when its name isn't known.
Result<boost::asio::ip::tcp::endpoint> resolve(const HttpAddress& endpoint);

struct ResolvedAddress {
  HttpAddress endpoint;
  boost::asio::ip::tcp::endpoint address;
};

struct JsonAnswer {
  unsigned status = 0;
  boost::json::value body;  // null when it isn't JSON
};

class Session final : private ConnectionOwner {
 public:
  explicit Session(const ResolvedAddress& target);

  // `headers` is whole lines. An answer of any status but 429 and 503; kUnavailable when none came before `deadline`.
  Result<JsonAnswer> call(std::string_view method, std::string_view path, std::string_view headers,
                          std::string_view body, SteadyTime deadline);

 private:
  void on_exchange_ended(Connection& connection, Ending ending, const Answer& answer) override;
  Ending exchange_once();

  std::string authority_;
  boost::asio::io_context context_{1};
  Connection connection_;
  Ending ending_ = Ending::kBroken;
  Answer answer_;
};

// Calls `work(session, i)` for each i below `count`, on as many threads as `sessions`; returns when all are done.
void for_all(const ResolvedAddress& target, size_t sessions, size_t count,
             const std::function<void(Session&, size_t)>& work);

}  // namespace hongbao::load
