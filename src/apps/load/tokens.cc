#include "apps/load/tokens.h"

#include <jwt.h>

#include <cstdlib>
#include <memory>

namespace hongbao::load {

Result<std::string> sign_token(std::string_view secret, const std::string& user, Timestamp expires_at) {
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) {
    return fail(ErrorCode::kInternal, "libjwt could not make a token");
  }
  const std::unique_ptr<jwt_t, decltype(&jwt_free)> token(raw, &jwt_free);
  const auto* key = reinterpret_cast<const unsigned char*>(secret.data());
  if (jwt_add_grant(raw, "sub", user.c_str()) != 0 ||
      jwt_add_grant_int(raw, "exp", static_cast<long>(expires_at.unix_ms / 1000)) != 0 ||
      jwt_set_alg(raw, JWT_ALG_HS256, key, static_cast<int>(secret.size())) != 0) {
    return fail(ErrorCode::kInternal, "libjwt refused the token's secret or claims");
  }
  const std::unique_ptr<char, decltype(&std::free)> text(jwt_encode_str(raw), &std::free);
  if (!text) {
    return fail(ErrorCode::kInternal, "libjwt could not sign a token");
  }
  return std::string(text.get());
}

}  // namespace hongbao::load
