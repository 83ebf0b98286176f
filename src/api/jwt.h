// JSON Web Tokens (RFC 7519) in the one form that is taken: a JWS in compact serialization (RFC 7515), signed with
// HS256, ES256 (RFC 7518) or EdDSA (RFC 8037). docs/HTTP.md has the list of rules. Any thread.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "api/token_keys.h"
#include "base/result.h"

namespace hongbao {

inline constexpr size_t kJwtLengthMax = 16'384;  // a thousand groups of nine characters fit

struct SignedClaims {
  boost::json::object claims;  // nothing is said of what they mean
  uint32_t key = 0;            // the number of the key that signed them
};

// Of a token that one of the keys signed; in `memory`. kUnauthenticated with the rule that it breaks. What does not
// depend on keys' secrets is told before they are looked at.
Result<SignedClaims> read_jwt(std::string_view token, const TokenKeySet& keys, boost::json::storage_ptr memory);

// REQUIRES: the key is a secret (HS256).
std::string sign_jwt(const boost::json::object& claims, const TokenKey& key);

}  // namespace hongbao
