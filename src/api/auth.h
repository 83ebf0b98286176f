// Who asks: JSON Web Tokens signed under a key of the app's back end (api/jwt.h). `sub` names the user, `exp` is
// required; `name` and `picture`, if they are there, are the user's profile (OpenID Connect Core, 5.1), `groups` the
// groups that the user is in, and `home` the region that has the user's wallet. Tokens that were verified are
// remembered by a keyed hash, because a client sends the same one with every request, and for as long as the key is
// good that signed them. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/token_keys.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/result.h"
#include "core/asker.h"
#include "core/ids.h"
#include "core/ledgers.h"
#include "core/profile.h"

namespace hongbao {

struct Caller {
  UserId user;
  ProfileRef profile{};  // null: the token has none
  GroupsRef groups{};    // null: the token names none
  Region home = Region::kSouth;
};

struct AuthOptions {
  std::vector<std::string> secrets{};  // any of them may have signed; the first signs
  std::string jwks_file{};             // empty: there is none, and what key a token names is not looked at
  std::vector<TokenKey> jwks{};        // what was in it at the start; each may have signed
  std::chrono::seconds leeway{0};      // for clocks that differ, on `exp` and `nbf`
  // How far in the future `exp` may be, so that a token that was lost, or whose `exp` is in milliseconds, is not good
  // for ever; 0: any.
  std::chrono::seconds lifetime_max{0};
  std::string issuer{};    // what `iss` must be; empty: anything
  std::string audience{};  // what `aud` must name; empty: anything
  Ledgers ledgers{};       // users are at home in a region that has some; South, when their tokens don't say
};

class Authenticator {
 public:
  explicit Authenticator(AuthOptions options);

  // Of an Authorization header. kTokenMissing, kUnauthenticated, kTokenExpired.
  [[nodiscard]] Result<Caller> caller_of(std::string_view authorization, Timestamp now) const;

  // Other keys than before, beside the options' secrets: whether they are others. What a key signed that is not among
  // them is refused from now on.
  bool change_jwks(const std::vector<TokenKey>& jwks);

 private:
  static constexpr size_t kStripes = 32;
  static constexpr size_t kRememberedInStripeMax = 16'384;  // half a million tokens in all: some 70 MB and profiles
  // And two million names of groups: 70 MB, or 220 MB when all are long.
  static constexpr size_t kGroupsInStripeMax = 65'536;

  struct Verified {
    Caller caller;
    int64_t not_before_ms = 0;
    int64_t expires_ms = 0;
    uint32_t key = 0;         // that signed it
    uint32_t generation = 0;  // of the last key set that was seen to have the key
  };
  struct HashOfHash {
    size_t operator()(const Hash128& hash) const noexcept;
  };
  struct Stripe {
    std::mutex mutex;
    std::unordered_map<Hash128, Verified, HashOfHash> tokens;
    size_t groups = 0;  // that the tokens name, and some that they named before
  };

  [[nodiscard]] std::shared_ptr<const TokenKeySet> keys() const;
  // Whether the key that signed it is still good. REQUIRES: the stripe's lock.
  bool is_good(Verified& verified) const;
  [[nodiscard]] Result<Verified> verify(std::string_view token) const;
  [[nodiscard]] Result<Caller> in_time(const Verified& verified, Timestamp now) const;

  const AuthOptions options_;
  Key128 hash_key_{};
  std::atomic<uint32_t> generation_;  // of keys_, written after it
  mutable std::mutex keys_mutex_;
  std::shared_ptr<const TokenKeySet> keys_;  // guarded by keys_mutex_
  mutable std::array<Stripe, kStripes> stripes_;
};

// For tools and tests: a token for `user`, in `groups`, at home in `home` when it is given, that expires at
// `expires_at`, as the options want it. Signed with the first secret, or where there is none with the first that `jwks`
// has. REQUIRES: there is one.
std::string make_token(const AuthOptions& options, const UserId& user, Timestamp issued_at, Timestamp expires_at,
                       const std::vector<GroupId>& groups = {}, std::optional<Region> home = {});

// The text behind "Bearer "; empty when the header is something else.
std::string_view bearer_token(std::string_view authorization);

}  // namespace hongbao
