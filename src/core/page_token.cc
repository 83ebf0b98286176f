#include "core/page_token.h"

#include <fmt/format.h>

#include "base/check.h"
#include "core/base32.h"

namespace hongbao {
namespace {

constexpr size_t kNumberDigits = 2;
constexpr size_t kWordDigits = 13;  // all 64 bits
constexpr size_t kMarkTagDigits = 12;
static_assert(PageMark::kNumberMax < 1U << 5 * kNumberDigits);

uint64_t tag_of(const Key128& key, std::string_view scope, const PageMark& mark) {
  const auto& [number, position] = mark;
  const std::string text = fmt::format("{}/{}/{}/{}", number, position.at.unix_ms, position.tie, scope);
  return siphash64(key, as_bytes(text)) & ((1ULL << 5 * kMarkTagDigits) - 1);
}

}  // namespace

std::string PageTokenCodec::print(std::string_view scope, const PageMark& mark) const {
  CHECK(mark.number <= PageMark::kNumberMax);
  return to_base32(mark.number, kNumberDigits) +
         to_base32(static_cast<uint64_t>(mark.position.at.unix_ms), kWordDigits) +
         to_base32(mark.position.tie, kWordDigits) + to_base32(tag_of(keys_.newest(), scope, mark), kMarkTagDigits);
}

std::optional<PageMark> PageTokenCodec::parse(std::string_view scope, std::string_view token) const {
  if (token.size() != kNumberDigits + 2 * kWordDigits + kMarkTagDigits) {
    return std::nullopt;
  }
  const auto take = [&](size_t digits) {
    const auto word = from_base32(token.substr(0, digits));
    token.remove_prefix(digits);
    return word;
  };
  const auto number = take(kNumberDigits);
  const auto at_ms = take(kWordDigits);
  const auto tie = take(kWordDigits);
  const auto claimed = take(kMarkTagDigits);
  if (!number || !at_ms || !tie || !claimed) {
    return std::nullopt;
  }
  const PageMark mark{static_cast<uint32_t>(*number), {{static_cast<int64_t>(*at_ms)}, *tie}};
  const bool is_ours = keys_.first_of([&](const Key128& key) { return *claimed == tag_of(key, scope, mark); });
  return is_ours ? std::optional(mark) : std::nullopt;
}

}  // namespace hongbao
