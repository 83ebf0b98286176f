#include "apps/ctl/deposit.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/crypto.h"
#include "base/program.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr unsigned kServerErrorLeast = 500;

std::string random_key() {
  Key128 bytes;
  random_bytes(bytes);
  return "deposit-" + to_hex(bytes);
}

}  // namespace

int deposit(const CtlOptions& options, const std::string& user, Money amount, std::string key) {
  const auto server = admin_access(options);
  if (!server) {
    return complain(server.error());
  }
  if (key.empty()) {
    key = random_key();
    // Whoever is interrupted must know it; where it can't be told, nothing is sent.
    if (!say(fmt::format("if this is interrupted, repeat it with --key {}", key))) {
      return kExitFailed;
    }
  }
  const auto repeat = [&](const std::string& what) {
    return fmt::format("{}: repeat the deposit with --key {}, which books it once", what, key);
  };
  auto answer = ask_server(*server, "POST", fmt::format("/admin/v1/wallets/{}:deposit", encode(user)),
                           json::serialize(json::object{{"amount", amount.fen()}}), {.key = key});
  if (!answer) {
    const bool unknown = answer.error().code == ErrorCode::kOutcomeUnknown;
    return complain({answer.error().code, unknown ? repeat(answer.error().detail) : answer.error().detail, {}});
  }
  if (json::object* body = answer->body.if_object()) {
    (*body)["idempotency_key"] = key;
  }
  print_body(answer->body, options.json);
  if (answer->status >= kServerErrorLeast) {
    say(repeat(fmt::format("the server answered {}, and the deposit may or may not have been booked", answer->status)));
  }
  return answer->status < 400 ? kExitDone : kExitFailed;
}

}  // namespace hongbao
