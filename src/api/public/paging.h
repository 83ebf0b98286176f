// Page parameters of lists: `page_size` and `page_token`. A token carries a position and the number of the page it
// begins, so that lists can be limited to their first pages under pressure. Any thread.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "core/page_token.h"
#include "net/http/router.h"
#include "ports/control.h"

namespace hongbao {

inline constexpr uint32_t kPageSizeMax = 1'000;
inline constexpr uint32_t kPageSizeDefault = 50;
inline constexpr uint32_t kPagesUnderPressure = 2;

struct Page {
  uint32_t size = kPageSizeDefault;
  uint32_t number = 1;
  std::optional<ListPosition> position{};  // of the last entry before it; none: the list's beginning
};

// What lists take in their query.
inline const std::vector<std::string_view> kPageParameters{"page_size", "page_token"};

class Paging {
 public:
  Paging(const PageTokenCodec& tokens, const Control& control) : tokens_(tokens), control_(control) {}

  // kInvalidField for page_size, kPageTokenInvalid, kSwitchedOff for a page beyond the limit.
  [[nodiscard]] Result<Page> read(const Target& target, std::string_view scope) const;

  // Adds `next_page_token` to an answer.
  void add_next(boost::json::object& answer, std::string_view scope, const Page& page, ListPosition position) const;

 private:
  const PageTokenCodec& tokens_;
  const Control& control_;
};

// The only value of a query parameter, an integer in the range; `otherwise` when it is absent.
Result<int64_t> query_integer(const Target& target, std::string_view key, int64_t otherwise, int64_t least,
                              int64_t most);

}  // namespace hongbao
