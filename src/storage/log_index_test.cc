#include "storage/log_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hongbao {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

constexpr Day kMonday{100};
constexpr Day kTuesday{101};

std::vector<Voucher> batch(uint64_t from, const std::vector<Day>& days) {
  std::vector<Voucher> vouchers(days.size());
  for (size_t i = 0; i < days.size(); ++i) {
    vouchers[i].no = {from + i};
    vouchers[i].packet.day = days[i];
  }
  return vouchers;
}

TEST(LogIndex, NamesOnlyTheDaysThatHoldTheRange) {
  LogIndex index;
  index.append(batch(1, {kMonday, kMonday, kTuesday}));
  index.append(batch(4, {kMonday, kTuesday, kTuesday}));
  EXPECT_THAT(index.days_between({1}, {3}), Optional(ElementsAre(kMonday)));
  EXPECT_THAT(index.days_between({3}, {5}), Optional(ElementsAre(kMonday, kTuesday)));
  EXPECT_THAT(index.days_between({5}, {7}), Optional(ElementsAre(kTuesday)));
}

TEST(LogIndex, DoesNotAnswerBeyondWhatItKnows) {
  LogIndex index;
  EXPECT_THAT(index.days_between({1}, {1}), Optional(IsEmpty()));
  EXPECT_EQ(index.days_between({1}, {2}), std::nullopt);
  index.append(batch(2, {kMonday}));  // voucher 1 is missing
  EXPECT_EQ(index.days_between({1}, {3}), std::nullopt);
}

TEST(LogIndex, IsReplacedOnlyByOneThatReachesAsFar) {
  LogIndex index;
  index.append(batch(1, {kMonday, kMonday}));
  index.replace({.upto = {2}, .days = {}});
  EXPECT_THAT(index.days_between({1}, {3}), Optional(ElementsAre(kMonday)));
  index.replace({.upto = {9}, .days = {{kTuesday, {{1}, {8}}}}});
  EXPECT_THAT(index.days_between({1}, {9}), Optional(ElementsAre(kTuesday)));
}

}  // namespace
}  // namespace hongbao
