#include "api/public/paging.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace hongbao {

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
    const auto mark = tokens_.parse(scope, value);
    if (!mark) {
      return fail(ErrorCode::kPageTokenInvalid, "must be a next_page_token of this list", "page_token");
    }
    page.position = mark->position;
    page.number = mark->number;
  }
  if (page.number > kPagesUnderPressure && !control_.is_on(Switch::kDeepLists)) {
    return fail(ErrorCode::kSwitchedOff, fmt::format("lists end after {} pages for now", kPagesUnderPressure));
  }
  return page;
}

void Paging::add_next(boost::json::object& answer, std::string_view scope, const Page& page,
                      ListPosition position) const {
  answer["next_page_token"] = tokens_.print(scope, {std::min(page.number + 1, PageMark::kNumberMax), position});
}

}  // namespace hongbao
