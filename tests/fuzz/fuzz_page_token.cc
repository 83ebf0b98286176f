// Page tokens and page parameters. Lines: the query of a list as a client sends it; a page's number and position, for
// which a token is made; a change of that token.
#include <boost/json.hpp>

#include "api/public/paging.h"
#include "base/check.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

constexpr std::string_view kScope = "shares:alice";
const PageTokenCodec kCodec(kFuzzKey128);

// Everything is on, or, under pressure, all but deep lists.
class FixedControl final : public Control {
 public:
  explicit FixedControl(bool deep_lists) : deep_lists_(deep_lists) {}
  [[nodiscard]] bool is_on(Switch which) const override { return deep_lists_ || which != Switch::kDeepLists; }
  Result<void> set(Switch /*which*/, bool /*on*/) override { return {}; }
  [[nodiscard]] TrafficWeights traffic() const override { return {}; }
  Result<void> set_traffic(const TrafficWeights& /*weights*/) override { return {}; }

 private:
  const bool deep_lists_;
};

Result<Page> read(std::string_view query, bool deep_lists) {
  static const FixedControl calm(true);
  static const FixedControl pressed(false);
  const auto target = parse_target("/list?" + std::string(query));
  return target ? Paging(kCodec, deep_lists ? calm : pressed).read(*target, kScope) : std::unexpected(target.error());
}

void check_query(std::string_view query) {
  const auto page = read(query, true);
  const auto pressed = read(query, false);
  CHECK(pressed.has_value() == (page && page->number <= kPagesUnderPressure));
  CHECK(!page || (page->size >= 1 && page->size <= kPageSizeMax));
}

// One token has one spelling, and is good for one list.
void check_token(std::string_view token) {
  if (const auto mark = kCodec.parse(kScope, token)) {
    CHECK(kCodec.print(kScope, *mark) == token);
    CHECK(!kCodec.parse("shares:bob", token));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  const std::string_view query = input.line();
  check_query(query);
  check_token(query.substr(std::min(query.size(), query.find('=') + 1)));

  const Page page{.number = 1 + static_cast<uint32_t>(input.number_below(2 * PageMark::kNumberMax))};
  const ListPosition position{{static_cast<int64_t>(input.number_below(INT64_MAX))}, input.number_below(UINT64_MAX)};
  boost::json::object answer;
  Paging(kCodec, FixedControl(true)).add_next(answer, kScope, page, position);
  const std::string token(answer.at("next_page_token").as_string());
  check_token(token);
  const auto next = read("page_token=" + token, true);
  CHECK(next && next->position == position && next->number == std::min(page.number + 1, PageMark::kNumberMax));
  CHECK(!kCodec.parse(kScope, with_one_change(token, input)));
  return 0;
}
