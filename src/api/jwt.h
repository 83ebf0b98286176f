// JSON Web Tokens (RFC 7519) in the one form that is taken: a JWS in compact serialization (RFC 7515), signed with
// HS256 (RFC 7518). docs/HTTP.md has the list of rules. Any thread.
#pragma once

#include <boost/json/object.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hongbao {

inline constexpr size_t kJwtLengthMax = 4'096;

// The claims of a token that one of the secrets signed; nothing is said of what they mean. kUnauthenticated with the
// rule that it breaks. What does not depend on the secret is told before it is looked at.
Result<boost::json::object> read_jwt(std::string_view token, std::span<const std::string> secrets);

std::string sign_jwt(const boost::json::object& claims, std::string_view secret);

}  // namespace hongbao
