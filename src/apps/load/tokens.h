// Bearer tokens for the users of a run: JWT, HS256, claims `sub` and `exp`. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace hongbao::load {

Result<std::string> sign_token(std::string_view secret, const std::string& user, Timestamp expires_at);

}  // namespace hongbao::load
