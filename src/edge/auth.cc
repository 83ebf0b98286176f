#include "edge/auth.h"

#include <jwt.h>

#include <boost/beast/core/string.hpp>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr size_t kTokenLengthMax = 4'096;

struct JwtFree {
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
};
using Jwt = std::unique_ptr<jwt_t, JwtFree>;

std::unexpected<Error> unauthenticated(const char* rule) {
  return fail(ErrorCode::kUnauthenticated, rule, "Authorization");
}

const unsigned char* key_bytes(const std::string& secret) {
  return reinterpret_cast<const unsigned char*>(secret.data());
}

// The claim as an integer; nullopt when it is something else. jwt_get_grant_int would read any other type as 0.
std::optional<int64_t> integer_claim(jwt_t* jwt, const char* name) {
  const std::unique_ptr<char, decltype(&std::free)> json(jwt_get_grants_json(jwt, name), &std::free);
  if (json == nullptr) {
    return std::nullopt;
  }
  const std::string_view text = json.get();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

bool has_claim(jwt_t* jwt, const char* name) {
  const std::unique_ptr<char, decltype(&std::free)> json(jwt_get_grants_json(jwt, name), &std::free);
  return json != nullptr;
}

// Empty for a claim that is absent or no text. libjwt refuses a token whose JSON is not well-formed UTF-8.
std::string_view text_claim(jwt_t* jwt, const char* name) {
  const char* text = jwt_get_grant(jwt, name);
  return text != nullptr ? text : "";
}

}  // namespace

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  // Scheme names are not case-sensitive (RFC 9110, section 11.1).
  if (!boost::beast::iequals(authorization.substr(0, kScheme.size()), kScheme)) {
    return {};
  }
  return authorization.substr(kScheme.size());
}

size_t Authenticator::HashOfHash::operator()(const Hash128& hash) const noexcept {
  size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

Authenticator::Authenticator(std::string secret) : secret_(std::move(secret)) {
  random_bytes(hash_key_);
}

Result<Caller> Authenticator::caller_of(std::string_view authorization, Timestamp now) const {
  const std::string_view token = bearer_token(authorization);
  if (token.empty() || token.size() > kTokenLengthMax) {
    return unauthenticated("must be \"Bearer <token>\"");
  }
  const Hash128 hash = siphash128(hash_key_, as_bytes(token));
  Stripe& stripe = stripes_[hash.back() % kStripes];
  {
    const std::lock_guard lock(stripe.mutex);
    if (const auto it = stripe.tokens.find(hash); it != stripe.tokens.end()) {
      return in_time(it->second, now);
    }
  }
  const auto verified = verify(token);
  if (!verified) {
    return std::unexpected(verified.error());
  }
  const std::lock_guard lock(stripe.mutex);
  if (stripe.tokens.size() >= kRememberedInStripeMax) {
    stripe.tokens.clear();  // rare, and each costs one verification
  }
  stripe.tokens.emplace(hash, *verified);
  return in_time(*verified, now);
}

Result<Caller> Authenticator::in_time(const Verified& verified, Timestamp now) {
  const int64_t now_s = now.unix_ms / 1000;
  if (now_s >= verified.expires_s) {
    return fail(ErrorCode::kTokenExpired, "has expired: get a new token", "Authorization");
  }
  if (now_s < verified.not_before_s) {
    return unauthenticated("is not valid yet");
  }
  return verified.caller;
}

Result<Authenticator::Verified> Authenticator::verify(std::string_view token) const {
  jwt_t* decoded = nullptr;
  const std::string text(token);
  // libjwt reads up to the first NUL, and what follows would go unsigned.
  if (text.contains('\0') ||
      jwt_decode(&decoded, text.c_str(), key_bytes(secret_), static_cast<int>(secret_.size())) != 0) {
    return unauthenticated("is not a token signed by this system");
  }
  const Jwt jwt(decoded);
  if (jwt_get_alg(jwt.get()) != JWT_ALG_HS256) {
    return unauthenticated("must be signed with HS256");
  }
  const auto user = UserId::parse(text_claim(jwt.get(), "sub"));
  if (!user) {
    return unauthenticated("must name the user in `sub`: 1 to 64 of A-Z a-z 0-9 . _ @ -");
  }
  const auto expires_s = integer_claim(jwt.get(), "exp");
  if (!expires_s) {
    return unauthenticated("must say in `exp`, as an integer, when it expires");
  }
  const auto not_before_s = has_claim(jwt.get(), "nbf") ? integer_claim(jwt.get(), "nbf") : std::optional<int64_t>(0);
  if (!not_before_s) {
    return unauthenticated("must say in `nbf`, as an integer, from when it is valid");
  }
  ProfileRef profile = make_profile(text_claim(jwt.get(), "name"), text_claim(jwt.get(), "picture"));
  return Verified{{*user, std::move(profile)}, *not_before_s, *expires_s};
}

std::string make_token(const std::string& secret, const UserId& user, Timestamp issued_at, Timestamp expires_at) {
  jwt_t* made = nullptr;
  CHECK(jwt_new(&made) == 0);
  const Jwt jwt(made);
  CHECK(jwt_set_alg(jwt.get(), JWT_ALG_HS256, key_bytes(secret), static_cast<int>(secret.size())) == 0);
  CHECK(jwt_add_grant(jwt.get(), "sub", user.text().c_str()) == 0);
  CHECK(jwt_add_grant_int(jwt.get(), "iat", issued_at.unix_ms / 1000) == 0);
  CHECK(jwt_add_grant_int(jwt.get(), "exp", expires_at.unix_ms / 1000) == 0);
  const std::unique_ptr<char, decltype(&std::free)> text(jwt_encode_str(jwt.get()), &std::free);
  CHECK(text != nullptr);
  return text.get();
}

}  // namespace hongbao
