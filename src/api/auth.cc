#include "api/auth.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <cmath>
#include <cstring>
#include <optional>

#include "api/jwt.h"
#include "base/check.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr size_t kClaimsMemory = 2'048;  // as much as claims commonly take; more of it is allocated

std::unexpected<Error> unauthenticated(std::string rule) {
  return fail(ErrorCode::kUnauthenticated, std::move(rule), "Authorization");
}

// RFC 7519, section 2, NumericDate: seconds, with a fraction if need be. In milliseconds, the nearest there are;
// nullopt for what is no number.
std::optional<int64_t> numeric_date_ms(const json::value& value) {
  constexpr double kGreatest = 9e18;
  double seconds = 0;
  if (value.is_int64()) {
    seconds = static_cast<double>(value.get_int64());
  } else if (value.is_uint64()) {
    seconds = static_cast<double>(value.get_uint64());
  } else if (value.is_double()) {
    seconds = value.get_double();
  } else {
    return std::nullopt;
  }
  return static_cast<int64_t>(std::clamp(std::floor(seconds * 1'000), -kGreatest, kGreatest));
}

// The date that a claim holds; `otherwise` when it is absent.
Result<int64_t> date_claim(const json::object& claims, const char* name, int64_t otherwise) {
  const json::value* claim = claims.if_contains(name);
  const auto date = claim == nullptr ? otherwise : numeric_date_ms(*claim);
  return date ? Result<int64_t>(*date)
              : unauthenticated(fmt::format("must be a token whose `{}` is a number of seconds", name));
}

// Empty for a claim that is absent or no text.
std::string_view text_claim(const json::object& claims, const char* name) {
  const json::value* claim = claims.if_contains(name);
  return claim != nullptr && claim->is_string() ? std::string_view(claim->get_string()) : "";
}

Result<UserId> read_subject(const json::object& claims) {
  const json::value* claim = claims.if_contains("sub");
  if (claim == nullptr) {
    return unauthenticated("must be a token that names the user in `sub`");
  }
  if (!claim->is_string()) {
    return unauthenticated("must be a token whose `sub` is a string");
  }
  const std::string_view name = claim->get_string();
  if (name.size() > UserId::kLengthMax) {
    return unauthenticated(
        fmt::format("must be a token whose `sub` has at most {} characters, not {}", UserId::kLengthMax, name.size()));
  }
  const auto user = UserId::parse(name);
  return user ? Result<UserId>(*user)
              : unauthenticated("must be a token whose `sub` is one or more of A-Z a-z 0-9 . _ @ -");
}

// Null when the claim is absent or names none.
Result<GroupsRef> read_groups(const json::object& claims) {
  const json::value* claim = claims.if_contains("groups");
  if (claim == nullptr) {
    return GroupsRef();
  }
  const auto* list = claim->if_array();
  if (list == nullptr || list->size() > Groups::kMax) {
    return unauthenticated(
        fmt::format("must be a token whose `groups` is an array of at most {} strings", Groups::kMax));
  }
  std::vector<GroupId> names;
  names.reserve(list->size());
  for (const json::value& each : *list) {
    auto name = each.is_string() ? GroupId::parse(std::string_view(each.get_string())) : std::nullopt;
    if (!name) {
      return unauthenticated(fmt::format("must be a token whose `groups` are strings of 1 to {} of A-Z a-z 0-9 . _ @ -",
                                         GroupId::kLengthMax));
    }
    names.push_back(std::move(*name));
  }
  return names.empty() ? GroupsRef() : std::make_shared<const Groups>(std::move(names));
}

Result<Region> read_home(const json::object& claims, const Ledgers& ledgers) {
  const json::value* claim = claims.if_contains("home");
  if (claim == nullptr) {
    return ledgers.count(Region::kSouth) > 0 ? Region::kSouth : Region::kNorth;
  }
  const auto home = claim->is_string() ? parse_region_name(std::string_view(claim->get_string())) : std::nullopt;
  return home && ledgers.count(*home) > 0
             ? Result<Region>(*home)
             : unauthenticated("must be a token whose `home` is the name of a region of this deployment");
}

// RFC 7519, section 4.1.3: one string, or several.
bool names_audience(const json::object& claims, std::string_view wanted) {
  const json::value* claim = claims.if_contains("aud");
  const auto is_wanted = [&](const json::value& one) { return one.is_string() && one.get_string() == wanted; };
  return claim != nullptr &&
         (claim->is_array() ? std::ranges::any_of(claim->get_array(), is_wanted) : is_wanted(*claim));
}

// The file's come behind the secrets.
std::vector<TokenKey> all_keys(const std::vector<std::string>& secrets, const std::vector<TokenKey>& jwks) {
  std::vector<TokenKey> keys;
  for (const std::string& secret : secrets) {
    keys.push_back(TokenKey::of_secret("", as_bytes(secret)));
  }
  keys.insert(keys.end(), jwks.begin(), jwks.end());
  return keys;
}

}  // namespace

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  // Scheme names are not case-sensitive, and spaces may follow (RFC 9110, sections 11.1 and 11.4).
  if (!boost::beast::iequals(authorization.substr(0, kScheme.size()), kScheme)) {
    return {};
  }
  authorization.remove_prefix(kScheme.size());
  authorization.remove_prefix(std::min(authorization.size(), authorization.find_first_not_of(' ')));
  return authorization;
}

size_t Authenticator::HashOfHash::operator()(const Hash128& hash) const noexcept {
  size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

Authenticator::Authenticator(AuthOptions options)
    : options_(std::move(options)),
      keys_(std::make_shared<TokenKeySet>(all_keys(options_.secrets, options_.jwks), !options_.jwks_file.empty())) {
  generation_ = keys_->generation();
  random_bytes(hash_key_);
}

bool Authenticator::change_jwks(const std::vector<TokenKey>& jwks) {
  std::vector<TokenKey> keys = all_keys(options_.secrets, jwks);
  const std::lock_guard lock(keys_mutex_);
  if (keys_->is_of(keys)) {
    return false;
  }
  keys_ = std::make_shared<TokenKeySet>(keys_->followed_by(std::move(keys)));
  generation_.store(keys_->generation(), std::memory_order_release);
  return true;
}

std::shared_ptr<const TokenKeySet> Authenticator::keys() const {
  const std::lock_guard lock(keys_mutex_);
  return keys_;
}

bool Authenticator::is_good(Verified& verified) const {
  if (verified.generation == generation_.load(std::memory_order_acquire)) {
    return true;
  }
  const auto now = keys();
  verified.generation = now->generation();
  return now->has(verified.key);
}

Result<Caller> Authenticator::caller_of(std::string_view authorization, Timestamp now) const {
  const std::string_view token = bearer_token(authorization);
  if (token.empty()) {
    return fail(ErrorCode::kTokenMissing, "must be \"Bearer <token>\"", "Authorization");
  }
  const Hash128 hash = siphash128(hash_key_, as_bytes(token));
  Stripe& stripe = stripes_[hash.back() % kStripes];
  {
    const std::lock_guard lock(stripe.mutex);
    if (const auto it = stripe.tokens.find(hash); it != stripe.tokens.end()) {
      if (is_good(it->second)) {
        return in_time(it->second, now);
      }
      stripe.tokens.erase(it);
    }
  }
  const auto verified = verify(token);
  if (!verified) {
    return std::unexpected(verified.error());
  }
  const std::lock_guard lock(stripe.mutex);
  const size_t groups = verified->caller.groups ? verified->caller.groups->size() : 0;
  if (stripe.tokens.size() >= kRememberedInStripeMax || stripe.groups + groups > kGroupsInStripeMax) {
    stripe.tokens.clear();  // rare, and each costs one verification
    stripe.groups = 0;
  }
  stripe.tokens.emplace(hash, *verified);
  stripe.groups += groups;
  return in_time(*verified, now);
}

Result<Caller> Authenticator::in_time(const Verified& verified, Timestamp now) const {
  const int64_t leeway_ms = std::chrono::milliseconds(options_.leeway).count();
  if (now.unix_ms - leeway_ms >= verified.expires_ms) {
    return fail(ErrorCode::kTokenExpired, "has expired: get a new token", "Authorization");
  }
  const int64_t lifetime_ms = std::chrono::milliseconds(options_.lifetime_max).count();
  if (lifetime_ms > 0 && verified.expires_ms > now.unix_ms + leeway_ms + lifetime_ms) {
    return unauthenticated(
        fmt::format("must be a token that expires within {} s: `exp` is in seconds", options_.lifetime_max.count()));
  }
  if (now.unix_ms + leeway_ms < verified.not_before_ms) {
    return unauthenticated("is not valid yet, says its `nbf`");
  }
  return verified.caller;
}

Result<Authenticator::Verified> Authenticator::verify(std::string_view token) const {
  std::array<unsigned char, kClaimsMemory> arena;
  json::monotonic_resource memory(arena.data(), arena.size());
  const auto key_set = keys();
  const auto taken = read_jwt(token, *key_set, &memory);
  if (!taken) {
    return std::unexpected(taken.error());
  }
  const json::object* claims = &taken->claims;
  if (!claims->contains("exp")) {
    return unauthenticated("must be a token that says in `exp` when it expires");
  }
  const auto expires_ms = date_claim(*claims, "exp", 0);
  const auto not_before_ms = date_claim(*claims, "nbf", INT64_MIN);
  const auto issued_ms = date_claim(*claims, "iat", 0);  // must be one; when it was does not matter
  for (const auto* date : {&expires_ms, &not_before_ms, &issued_ms}) {
    if (!*date) {
      return std::unexpected(date->error());
    }
  }
  if (!options_.issuer.empty() && text_claim(*claims, "iss") != options_.issuer) {
    return unauthenticated("must be a token of this system's issuer, in `iss`");
  }
  if (!options_.audience.empty() && !names_audience(*claims, options_.audience)) {
    return unauthenticated("must be a token for this system, in `aud`");
  }
  const auto user = read_subject(*claims);
  if (!user) {
    return std::unexpected(user.error());
  }
  auto groups = read_groups(*claims);
  if (!groups) {
    return std::unexpected(groups.error());
  }
  const auto home = read_home(*claims, options_.ledgers);
  if (!home) {
    return std::unexpected(home.error());
  }
  ProfileRef profile = make_profile(text_claim(*claims, "name"), text_claim(*claims, "picture"));
  return Verified{{*user, std::move(profile), std::move(*groups), *home},
                  *not_before_ms,
                  *expires_ms,
                  taken->key,
                  key_set->generation()};
}

std::string make_token(const AuthOptions& options, const UserId& user, Timestamp issued_at, Timestamp expires_at,
                       const std::vector<GroupId>& groups, std::optional<Region> home) {
  json::object claims{{"sub", user.text()}, {"iat", issued_at.unix_ms / 1000}, {"exp", expires_at.unix_ms / 1000}};
  if (!options.issuer.empty()) {
    claims["iss"] = options.issuer;
  }
  if (!options.audience.empty()) {
    claims["aud"] = options.audience;
  }
  if (!groups.empty()) {
    json::array names;
    for (const GroupId& group : groups) {
      names.emplace_back(group.text());
    }
    claims["groups"] = std::move(names);
  }
  if (home) {
    claims["home"] = region_name(*home);
  }
  const std::vector<TokenKey> keys = all_keys(options.secrets, options.jwks);
  const auto signer = std::ranges::find(keys, TokenAlgorithm::kHs256, &TokenKey::algorithm);
  CHECK(signer != keys.end());
  return sign_jwt(claims, *signer);
}

}  // namespace hongbao
