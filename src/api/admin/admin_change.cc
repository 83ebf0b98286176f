#include "api/admin/admin_change.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <string_view>

#include "api/json_input.h"
#include "base/crypto.h"

namespace hongbao {
namespace {

constexpr std::string_view kKeyHeader = "Idempotency-Key";

std::string bounded(std::string text, size_t bytes_max) {
  constexpr size_t kTailBytes = 3 + 64;  // "…" and a hash
  if (text.size() <= bytes_max) {
    return text;
  }
  const std::string hash = to_hex(blake2b(as_bytes(text)));
  size_t end = bytes_max - kTailBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {  // not within a letter
    --end;
  }
  return text.substr(0, end) + "…" + hash;
}

// One spelling, whatever the white space; what is no JSON object is told by its hash, for it may be anything.
std::string body_of(const std::string& body) {
  if (body.empty()) {
    return {};
  }
  const auto object = parse_object(body);
  return object ? boost::json::serialize(*object)
                : fmt::format("{} bytes that are no object, {}", body.size(), to_hex(blake2b(as_bytes(body))));
}

}  // namespace

AdminChange admin_change(const AdminCaller& caller, const HttpRequest& request, const Target& target) {
  std::string content = body_of(request.body());
  if (const auto key = request.find_header(kKeyHeader)) {
    content = fmt::format("key {} {}", *key, content);
  }
  return {.token = caller.name,
          .role = caller.role,
          .from = request.peer(),
          .call = bounded(fmt::format("{} {}", std::string_view(http::to_string(request.method())), target.path),
                          AdminChange::kCallBytesMax),
          .content = bounded(std::move(content), AdminChange::kContentBytesMax)};
}

}  // namespace hongbao
