#include "api/idempotency_key.h"

#include <fmt/format.h>

#include "core/limits.h"
#include "core/send_request.h"

namespace hongbao {
namespace {

constexpr const char* kHeader = "Idempotency-Key";

std::unexpected<Error> broken() {
  return fail(ErrorCode::kMissingHeader,
              fmt::format("must be 1 to {} visible ASCII characters", kIdempotencyKeyLengthMax), kHeader);
}

}  // namespace

Result<std::string> read_idempotency_key(const HttpRequest& request) {
  const auto key = request.find_header(kHeader);
  if (!key) {
    return std::string();
  }
  if (!is_name(*key, kIdempotencyKeyLengthMax)) {
    return broken();
  }
  return std::string(*key);
}

Result<std::string> require_idempotency_key(const HttpRequest& request) {
  auto key = read_idempotency_key(request);
  return key && key->empty() ? Result<std::string>(broken()) : key;
}

}  // namespace hongbao
