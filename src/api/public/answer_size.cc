#include "api/public/answer_size.h"

#include <algorithm>
#include <charconv>

#include "api/public/paging.h"

namespace hongbao {
namespace {

constexpr int64_t kHeadBytes = 1'024;  // and all of what is no list
constexpr int64_t kEntryBytes = 320;   // of a list, with a nickname and the address of a picture

// Of what a list is asked for. What the parameter says wrongly is refused later, in a short answer.
int64_t entries_asked(std::string_view target) {
  constexpr std::string_view kParameter = "page_size=";
  const size_t at = target.find(kParameter);
  int64_t entries = kPageSizeDefault;
  if (at != std::string_view::npos) {
    std::from_chars(target.data() + at + kParameter.size(), target.data() + target.size(), entries);
  }
  return std::clamp<int64_t>(entries, 0, kPageSizeMax);
}

}  // namespace

int64_t answer_size(const HttpRequest& request) {
  const bool reads = request.method() == http::verb::get;
  return kHeadBytes + (reads ? entries_asked(request.target()) * kEntryBytes : 0);
}

}  // namespace hongbao
