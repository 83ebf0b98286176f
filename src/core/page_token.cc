#include "core/page_token.h"

#include <fmt/format.h>

#include "core/base32.h"

namespace hongbao {
namespace {

constexpr size_t kPositionDigits = 12;  // 60 bits
constexpr size_t kTagDigits = 12;

}  // namespace

uint64_t PageTokenCodec::tag(std::string_view scope, uint64_t position) const {
  return siphash64(key_, as_bytes(fmt::format("{}/{}", position, scope))) & ((1ULL << 60) - 1);
}

std::string PageTokenCodec::print(std::string_view scope, uint64_t position) const {
  return to_base32(position, kPositionDigits) + to_base32(tag(scope, position), kTagDigits);
}

std::optional<uint64_t> PageTokenCodec::parse(std::string_view scope, std::string_view token) const {
  if (token.size() != kPositionDigits + kTagDigits) {
    return std::nullopt;
  }
  const auto position = from_base32(token.substr(0, kPositionDigits));
  const auto claimed = from_base32(token.substr(kPositionDigits));
  if (!position || !claimed || *claimed != tag(scope, *position)) {
    return std::nullopt;
  }
  return position;
}

}  // namespace hongbao
