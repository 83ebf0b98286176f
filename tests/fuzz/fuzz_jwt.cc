// Bearer tokens. Lines: an Authorization header as a client sends it; a JOSE header and claims that the app's back end
// signs as they are; a change of that token.
#include <boost/json.hpp>

#include "api/auth.h"
#include "base/check.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

namespace json = boost::json;

const std::string kSecret = "the fuzzers' secret for JSON Web Tokens";
const AuthOptions kOptions{.secrets = {kSecret}};

bool operator==(const Error& a, const Error& b) {
  return a.code == b.code && a.detail == b.detail && a.field == b.field;
}

std::string signature(std::string_view text) {
  return to_base64url(hmac_sha256(as_bytes(kSecret), as_bytes(text)));
}

bool same(const ProfileRef& a, const ProfileRef& b) {
  return a == nullptr ? b == nullptr : b != nullptr && *a == *b;
}

// What a fresh authenticator says; one that remembers must say the same, however often it is asked.
Result<UserId> verdict(std::string_view header) {
  static const Authenticator remembering(kOptions);
  const Authenticator fresh(kOptions);
  const Result<Caller> first = fresh.caller_of(header, kFuzzNow);
  for (const Authenticator* authenticator : {&fresh, &remembering, &remembering}) {
    const Result<Caller> again = authenticator->caller_of(header, kFuzzNow);
    CHECK(again.has_value() == first.has_value());
    CHECK(first ? again->user == first->user && same(again->profile, first->profile) : again.error() == first.error());
  }
  return first ? Result<UserId>(first->user) : std::unexpected(first.error());
}

// What is taken carries the secret's signature over everything before its last dot.
Result<UserId> checked_verdict(std::string_view header) {
  Result<UserId> user = verdict(header);
  if (user) {
    const std::string_view token = bearer_token(header);
    const size_t dot = token.rfind('.');
    CHECK(dot != std::string_view::npos && token.substr(dot + 1) == signature(token.substr(0, dot)));
  }
  return user;
}

// What is taken says what it must: a careless reader sees the same user, and a token that is in time.
void check_claims(const UserId& user, std::string_view jose, std::string_view claims) {
  boost::system::error_code error;
  const json::value head = json::parse(jose, error);
  CHECK(!error && head.at("alg").as_string() == "HS256" && !head.as_object().contains("crit"));
  const json::value body = json::parse(claims, error);
  CHECK(!error && body.at("sub").as_string() == user.text());
  CHECK(body.at("exp").to_number<double>() * 1'000 >= static_cast<double>(kFuzzNow.unix_ms));
  const json::value* not_before = body.as_object().if_contains("nbf");
  CHECK(not_before == nullptr || not_before->to_number<double>() * 1'000 < static_cast<double>(kFuzzNow.unix_ms + 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  (void)checked_verdict(input.line());

  const std::string_view jose = input.line();
  const std::string_view claims = input.line();
  const std::string body = to_base64url(as_bytes(jose)) + "." + to_base64url(as_bytes(claims));
  const std::string token = body + "." + signature(body);
  if (const auto user = checked_verdict("Bearer " + token)) {
    check_claims(*user, jose, claims);
  }
  const std::string changed = with_one_change(token, input);
  CHECK(!checked_verdict("Bearer " + changed));
  return 0;
}
