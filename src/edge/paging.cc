#include "edge/paging.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace hongbao {
namespace {

constexpr int kPositionBits = 52;
constexpr uint64_t kPositionMask = (1ULL << kPositionBits) - 1;
constexpr uint32_t kPageNumberMax = 255;

}  // namespace

Result<int64_t> query_integer(const Target& target, std::string_view key, int64_t otherwise, int64_t least,
                              int64_t most) {
  for (const auto& [name, value] : target.query) {
    if (name != key) {
      continue;
    }
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < least || number > most) {
      return fail(ErrorCode::kInvalidField, fmt::format("must be an integer from {} to {}", least, most),
                  std::string(key));
    }
    return number;
  }
  return otherwise;
}

Result<Page> Paging::read(const Target& target, std::string_view scope) const {
  const auto size = query_integer(target, "page_size", kPageSizeDefault, 1, kPageSizeMax);
  if (!size) {
    return std::unexpected(size.error());
  }
  Page page{.size = static_cast<uint32_t>(*size)};
  for (const auto& [name, value] : target.query) {
    if (name != "page_token" || value.empty()) {  // empty: the first page
      continue;
    }
    const auto content = tokens_.parse(scope, value);
    if (!content) {
      return fail(ErrorCode::kPageTokenInvalid, "must be a next_page_token of this list", "page_token");
    }
    page.position = *content & kPositionMask;
    page.number = static_cast<uint32_t>(*content >> kPositionBits);
  }
  if (page.number > kPagesUnderPressure && !control_.is_on(Switch::kDeepLists)) {
    return fail(ErrorCode::kSwitchedOff, fmt::format("lists end after {} pages for now", kPagesUnderPressure));
  }
  return page;
}

void Paging::add_next(boost::json::object& answer, std::string_view scope, const Page& page, uint64_t position) const {
  const uint64_t number = std::min(page.number + 1, kPageNumberMax);
  answer["next_page_token"] = tokens_.print(scope, number << kPositionBits | (position & kPositionMask));
}

}  // namespace hongbao
