#include "api/public/paging.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/problem.h"

namespace hongbao {
namespace {

class OneSwitch final : public Control {
 public:
  [[nodiscard]] bool is_on(Switch which) const override { return which != Switch::kDeepLists || deep_lists; }
  Result<void> set(Switch, bool) override { return {}; }
  [[nodiscard]] TrafficWeights traffic() const override { return {}; }
  Result<void> set_traffic(const TrafficWeights&) override { return {}; }
  bool deep_lists = true;
};

class PagingTest : public testing::Test {
 protected:
  Result<Page> read(std::string_view target, std::string_view scope = "shares:alice") {
    return paging_.read(parse_target(target).value(), scope);
  }

  std::string next_token(const Page& page, ListPosition position, std::string_view scope = "shares:alice") {
    boost::json::object answer;
    paging_.add_next(answer, scope, page, position);
    return std::string(answer.at("next_page_token").as_string());
  }

  static std::optional<ErrorCode> error_of(const Result<Page>& page) {
    return page ? std::nullopt : std::optional(page.error().code);
  }

  PageTokenCodec tokens_{Key128{1}};
  OneSwitch control_;
  Paging paging_{tokens_, control_};
};

TEST_F(PagingTest, TheFirstPageNeedsNoParameters) {
  const auto page = read("/list");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->size, kPageSizeDefault);
  EXPECT_EQ(page->number, 1U);
  EXPECT_FALSE(page->position);
}

TEST_F(PagingTest, ThePageSizeIsBounded) {
  EXPECT_EQ(read("/list?page_size=1")->size, 1U);
  EXPECT_EQ(read("/list?page_size=1000")->size, kPageSizeMax);
  for (const char* size : {"0", "-1", "1001", "", "x", "10x", "1.0", "99999999999999999999", " 1", "0x1", "+1"}) {
    EXPECT_EQ(error_of(read(std::string("/list?page_size=") + (*size == ' ' ? "%201" : size))),
              ErrorCode::kInvalidField)
        << size;
  }
}

TEST_F(PagingTest, ATokenLeadsToThePositionItWasMadeFor) {
  const ListPosition now{{1'795'384'267'123}, VoucherTie::of({Region::kNorth, 999}, {987'654'321})};
  for (const ListPosition& position : {ListPosition{}, ListPosition{.tie = 1}, now, kListTop}) {
    const auto page = read("/list?page_token=" + next_token(Page{}, position));
    ASSERT_TRUE(page) << position.tie;
    EXPECT_EQ(page->position, position);
    EXPECT_EQ(page->number, 2U);
  }
}

TEST_F(PagingTest, ATokenOfAnotherListOrUserIsRefused) {
  const std::string token = next_token(Page{}, {.tie = 7});
  EXPECT_TRUE(read("/list?page_token=" + token));
  EXPECT_EQ(error_of(read("/list?page_token=" + token, "shares:bob")), ErrorCode::kPageTokenInvalid);
  EXPECT_EQ(error_of(read("/list?page_token=" + token, "packets:alice")), ErrorCode::kPageTokenInvalid);
}

TEST_F(PagingTest, AForgedTokenIsRefused) {
  for (size_t i = 0; i < next_token(Page{}, {.tie = 7}).size(); ++i) {
    std::string token = next_token(Page{}, {.tie = 7});
    token[i] = token[i] == 'a' ? 'b' : 'a';
    EXPECT_EQ(error_of(read("/list?page_token=" + token)), ErrorCode::kPageTokenInvalid) << i;
  }
  const PageTokenCodec forger(Key128{2});
  EXPECT_EQ(error_of(read("/list?page_token=" + forger.print("shares:alice", {1, {.tie = 7}}))),
            ErrorCode::kPageTokenInvalid);
}

TEST_F(PagingTest, UnderPressureListsEndAfterTheirSecondPage) {
  control_.deep_lists = false;
  const auto second = read("/list?page_token=" + next_token(Page{}, {.tie = 7}));
  ASSERT_TRUE(second);
  const std::string third = "/list?page_token=" + next_token(*second, {.tie = 8});
  EXPECT_EQ(error_of(read(third)), ErrorCode::kSwitchedOff);
  control_.deep_lists = true;
  EXPECT_EQ(read(third)->number, 3U);
}

TEST_F(PagingTest, AVeryDeepPageStaysDeep) {
  Page page;
  for (uint64_t i = 1; i <= 5'000; ++i) {
    page = read("/list?page_token=" + next_token(page, {.tie = i})).value();
    ASSERT_EQ(page.position, (ListPosition{.tie = i}));
  }
  control_.deep_lists = false;
  EXPECT_EQ(error_of(read("/list?page_token=" + next_token(page, {.tie = 1}))), ErrorCode::kSwitchedOff);
}

TEST_F(PagingTest, AnEmptyTokenIsTheFirstPage) {
  const auto page = read("/list?page_token=&page_size=7");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->size, 7U);
  EXPECT_EQ(page->number, 1U);
  EXPECT_FALSE(page->position);
  EXPECT_TRUE(read("/list?page_token"));
  EXPECT_FALSE(read("/list?page_size="));
}

TEST_F(PagingTest, AParameterThatIsNotUtf8DoesNotBreakTheAnswer) {
  const auto target = parse_target("/list?%ff=1");
  const Error error = target ? paging_.read(*target, "shares:alice").error() : target.error();
  boost::system::error_code broken;
  (void)boost::json::parse(problem(error).body, broken);
  EXPECT_FALSE(broken) << problem(error).body;
}

}  // namespace
}  // namespace hongbao
