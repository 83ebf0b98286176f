// The Idempotency-Key header, and the characters that such names may have.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "edge/http_types.h"

namespace hongbao {

bool is_visible_ascii(std::string_view text);

// Empty when the header is absent. kMissingHeader when it is not 1 to kIdempotencyKeyLengthMax visible ASCII
// characters.
Result<std::string> read_idempotency_key(const HttpRequest& request);

// The same, but it must be there.
Result<std::string> require_idempotency_key(const HttpRequest& request);

}  // namespace hongbao
