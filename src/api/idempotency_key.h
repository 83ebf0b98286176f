// The Idempotency-Key header.
#pragma once

#include <string>

#include "base/result.h"
#include "net/http/types.h"

namespace hongbao {

// Empty when the header is absent. kMissingHeader when it is not 1 to kIdempotencyKeyLengthMax visible ASCII
// characters.
Result<std::string> read_idempotency_key(const HttpRequest& request);

// The same, but it must be there.
Result<std::string> require_idempotency_key(const HttpRequest& request);

}  // namespace hongbao
