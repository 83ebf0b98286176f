// The body of `POST /v1/packets`. Any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "core/send_request.h"

namespace hongbao {

// What it asks for, within the bounds of check_send_request. kMalformedJson, kInvalidField, kUnknownField.
Result<SendRequest> read_send_request(const std::string& body);

}  // namespace hongbao
