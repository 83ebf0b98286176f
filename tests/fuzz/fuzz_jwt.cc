// Bearer tokens. Lines: an Authorization header as a client sends it; a JOSE header and claims that the app's back end
// signs as they are; which of its four keys signs; a change of that token.
#include <boost/json.hpp>

#include "api/auth.h"
#include "api/jwks.h"
#include "api/jwks_test_keys.h"
#include "base/check.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

namespace json = boost::json;

const std::string kSecret = "the fuzzers' secret for JSON Web Tokens";
// Beside the secret the keys h, e and o.
const AuthOptions& options() {
  static const AuthOptions made{.secrets = {kSecret}, .jwks_file = "x", .jwks = parse_jwks(test_jwks()).value()};
  return made;
}

bool operator==(const Error& a, const Error& b) {
  return a.code == b.code && a.detail == b.detail && a.field == b.field;
}

std::string hmac(std::string_view secret, std::string_view text) {
  const Hash256 hash = hmac_sha256(as_bytes(secret), as_bytes(text));
  return {hash.begin(), hash.end()};
}

std::string signature(uint64_t key, std::string_view text) {
  switch (key) {
    case 0:
      return hmac(kSecret, text);
    case 1:
      return test_sign_p256(text);
    case 2:
      return test_sign_ed25519(text);
    default:
      return hmac(test_bytes(kTestSecret), text);
  }
}

std::string with_signature(const std::string& text, uint64_t key) {
  return text + "." + to_base64url(as_bytes(signature(key, text)));
}

// By OpenSSL's way for whole messages, with the signature as it wants it.
bool is_signed(EVP_PKEY* key, const EVP_MD* digest, std::string_view text, std::string_view signed_as) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  CHECK(EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1);
  return EVP_DigestVerify(context.get(), as_bytes(signed_as).data(), signed_as.size(), as_bytes(text).data(),
                          text.size()) == 1;
}

std::string der_integer(std::string_view number) {
  number.remove_prefix(std::min(number.find_first_not_of('\0'), number.size()));
  std::string out = number.empty() || (number.front() & 0x80) != 0 ? std::string(1, '\0') : "";
  out += number;
  return "\x02" + std::string(1, static_cast<char>(out.size())) + out;
}

// As another implementation sees it.
bool is_signed_by_its_key(const json::object& header, std::string_view text, std::string_view signed_as) {
  const std::string alg(header.at("alg").as_string());
  const json::value* named = header.if_contains("kid");
  const std::string id(named == nullptr ? "" : std::string_view(named->as_string()));
  if (alg == "HS256") {
    return (id.empty() && signed_as == hmac(kSecret, text)) ||
           ((id.empty() || id == "h") && signed_as == hmac(test_bytes(kTestSecret), text));
  }
  CHECK(signed_as.size() == 64);
  if (alg == "ES256") {
    static const std::shared_ptr<EVP_PKEY> key = test_p256_private();
    const std::string both = der_integer(signed_as.substr(0, 32)) + der_integer(signed_as.substr(32));
    const std::string der = "\x30" + std::string(1, static_cast<char>(both.size())) + both;
    return (id.empty() || id == "e") && is_signed(key.get(), EVP_sha256(), text, der);
  }
  static const std::string point = test_bytes(kTestEd25519X);
  static EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_bytes(point).data(), point.size());
  return alg == "EdDSA" && (id.empty() || id == "o") && is_signed(key, nullptr, text, signed_as);
}

bool same(const ProfileRef& a, const ProfileRef& b) {
  return a == nullptr ? b == nullptr : b != nullptr && *a == *b;
}

// What a fresh authenticator says; one that remembers must say the same, however often it is asked.
Result<UserId> verdict(std::string_view header) {
  static const Authenticator remembering(options());
  const Authenticator fresh(options());
  const Result<Caller> first = fresh.caller_of(header, kFuzzNow);
  for (const Authenticator* authenticator : {&fresh, &remembering, &remembering}) {
    const Result<Caller> again = authenticator->caller_of(header, kFuzzNow);
    CHECK(again.has_value() == first.has_value());
    CHECK(first ? again->user == first->user && same(again->profile, first->profile) : again.error() == first.error());
  }
  return first ? Result<UserId>(first->user) : std::unexpected(first.error());
}

// What is taken carries its key's signature over everything before its last dot.
Result<UserId> checked_verdict(std::string_view header) {
  Result<UserId> user = verdict(header);
  if (user) {
    const std::string_view token = bearer_token(header);
    const size_t dot = token.rfind('.');
    CHECK(dot != std::string_view::npos);
    const json::value head = json::parse(from_base64url(token.substr(0, token.find('.'))).value());
    const std::string signed_as = from_base64url(token.substr(dot + 1)).value();
    CHECK(is_signed_by_its_key(head.as_object(), token.substr(0, dot), signed_as));
  }
  return user;
}

// What is taken says what it must: a careless reader sees the same user, and a token that is in time.
void check_claims(const UserId& user, std::string_view jose, std::string_view claims) {
  boost::system::error_code error;
  const json::value head = json::parse(jose, error);
  CHECK(!error && !head.as_object().contains("crit"));
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
  const std::string token = with_signature(body, input.number_below(4));
  if (const auto user = checked_verdict("Bearer " + token)) {
    check_claims(*user, jose, claims);
  }
  const std::string changed = with_one_change(token, input);
  CHECK(!checked_verdict("Bearer " + changed));
  return 0;
}
