// Request targets and routes. Lines: a target as a client sends it; a path that is sent with every byte escaped.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <set>

#include "base/check.h"
#include "fuzz/input.h"
#include "net/http/router.h"

using namespace hongbao;

namespace {

constexpr std::string_view kPatterns[] = {"/v1/packets", "/v1/packets/{}", "/v1/packets/{}:open",
                                          "/v1/packets/{}/shares", "/admin/v1/wallets/{}:deposit"};

const Router& router() {
  static const Router made = [] {
    Router routes;
    for (const std::string_view pattern : kPatterns) {
      routes.add(http::verb::get, pattern);
    }
    return routes;
  }();
  return made;
}

// Boost.JSON refuses what is not UTF-8, and our answers name what was asked for.
bool can_be_named(std::string_view text) {
  boost::system::error_code error;
  boost::json::parse(boost::json::serialize(boost::json::string(text)), error);
  return !error;
}

// A route that matches says, with the name put in, exactly the path; and every method finds the same ones.
void check_routes(std::string_view path) {
  const auto match = router().find(http::verb::get, path);
  const auto other = router().find(http::verb::put, path);
  CHECK(!other && other.error().code == (match ? ErrorCode::kMethodNotAllowed : ErrorCode::kNoSuchPath));
  if (match) {
    std::string said(kPatterns[match->route]);
    if (const size_t hole = said.find("{}"); hole != std::string::npos) {
      CHECK(!match->name.empty() && match->name.find_first_of("/:") == std::string_view::npos);
      said.replace(hole, 2, match->name);
    }
    CHECK(said == path);
  }
}

void check_target(std::string_view text) {
  const auto target = parse_target(text);
  if (!target) {
    CHECK(target.error().code == ErrorCode::kMalformedRequest);
    return;
  }
  CHECK(can_be_named(target->path));
  std::set<std::string> keys;
  for (const auto& [key, value] : target->query) {
    CHECK(can_be_named(key) && can_be_named(value));
    CHECK(keys.insert(key).second);  // else readers could disagree on which one counts
  }
  if (target->path != "*") {
    check_routes(target->path);
  }
}

// What a path says whose every byte was escaped: an escaped delimiter stays one.
std::string unescaped(std::string_view path) {
  std::string text = "/";
  for (const char c : path) {
    if (c == '/' || c == ':') {
      text += fmt::format("%{:02x}", static_cast<uint8_t>(c));
    } else {
      text += c;
    }
  }
  return text;
}

std::string escaped(std::string_view path) {
  std::string text = "/";
  for (const char c : path) {
    text += fmt::format("%{:02x}", static_cast<uint8_t>(c));
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  check_target(input.line());

  const std::string_view path = input.line();
  const auto target = parse_target(escaped(path));
  CHECK(target.has_value() == can_be_named(path));
  CHECK(!target || target->path == unescaped(path));
  return 0;
}
