#include "shard/share_list.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace hongbao {
namespace {

constexpr Timestamp kAt{1'795'000'000'123};

// Some names are kept in place and some on the heap.
UserId taker(uint32_t number) {
  return UserId::trusted(number % 3 == 0 ? fmt::format("a-rather-long-name-of-a-user-{}", number)
                                         : fmt::format("user-{}", number));
}

Share share(uint32_t seq) {
  return {seq, taker(seq), Money(int64_t{seq} * 10), kAt + std::chrono::milliseconds(seq),
          VoucherNo{(1ULL << 40) + seq}};
}

void expect_same(const Share& a, const Share& b) {
  EXPECT_EQ(a.seq, b.seq);
  EXPECT_EQ(a.user, b.user);
  EXPECT_EQ(a.amount, b.amount);
  EXPECT_EQ(a.opened_at, b.opened_at);
  EXPECT_EQ(a.voucher, b.voucher);
}

class ShareLists : public testing::TestWithParam<uint32_t> {};

TEST_P(ShareLists, GiveBackWhatWasAppended) {
  const uint32_t count = GetParam();
  ShareList shares(count);
  for (uint32_t seq = 1; seq <= count; ++seq) {
    EXPECT_FALSE(shares.find_appended(taker(seq)));
    shares.append(share(seq));
    ASSERT_TRUE(shares.find_appended(taker(seq)));
  }
  int64_t sum = 0;
  for (uint32_t seq = 1; seq <= count; ++seq) {
    expect_same(shares.at(seq - 1), share(seq));
    expect_same(*shares.find_appended(taker(seq)), share(seq));
    sum += int64_t{seq} * 10;
    EXPECT_EQ(shares.sum(seq), Money(sum));
  }
  EXPECT_EQ(shares.sum(0), Money(0));
}

TEST_P(ShareLists, TheLuckiestIsTheEarliestOfTheGreatest) {
  const uint32_t count = GetParam();
  for (const uint32_t luckiest : {1U, count / 2 + 1, count}) {
    ShareList shares(count);
    for (uint32_t seq = 1; seq <= count; ++seq) {
      Share next = share(seq);
      next.amount = Money(seq < luckiest ? seq % 3 + 1 : seq == luckiest ? 9 : 9 - seq % 2);
      shares.append(next);
    }
    EXPECT_EQ(shares.luckiest(), luckiest - 1);
  }
}

TEST_P(ShareLists, ShowNothingBeforeItIsPublished) {
  ShareList shares(GetParam());
  shares.append(share(1));
  EXPECT_EQ(shares.published(), 0U);
  EXPECT_FALSE(shares.find_published(taker(1)));
  EXPECT_FALSE(shares.has_published(taker(1)));
  shares.publish();
  EXPECT_TRUE(shares.has_published(taker(1)));
  EXPECT_FALSE(shares.has_published(taker(2)));
  EXPECT_EQ(shares.published(), 1U);
  expect_same(*shares.find_published(taker(1)), share(1));
}

// A scan and an index, and chunks that are full, just begun and short.
INSTANTIATE_TEST_SUITE_P(Counts, ShareLists, testing::Values(1, 5, 6, 10, 16, 17, 64, 65, 1000));

TEST(ShareListDeathTest, RefusesMoreSharesThanItHasRoomFor) {
  ShareList shares(1);
  shares.append(share(1));
  EXPECT_DEATH(shares.append(share(2)), "appended_ < count_");
}

TEST(CompactUser, KeepsEveryLength) {
  for (size_t length = 1; length <= UserId::kLengthMax; ++length) {
    const UserId user = UserId::trusted(std::string(length, 'u'));
    CompactUser compact(user);
    EXPECT_EQ(compact.user(), user);
    CompactUser moved(std::move(compact));
    EXPECT_EQ(moved.user(), user);
    CompactUser assigned;
    assigned = std::move(moved);
    EXPECT_EQ(assigned.user(), user);
  }
}

}  // namespace
}  // namespace hongbao
