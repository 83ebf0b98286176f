// The contract of ports/inbox_store.h.
#include "ports/inbox_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "contract/backends.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// 2027-01-01 00:00 in UTC+8 is 2026-12-31 16:00 UTC.
constexpr Timestamp kNewYear{1'798'732'800'000};

class InboxStoreContract : public testing::TestWithParam<BackendMaker<InboxStore>> {
 protected:
  InboxStore& store() { return backend_->store(); }
  bool apply(uint64_t from, std::vector<Voucher> vouchers, ShardId shard = kShard) {
    return store().apply({shard, {from}, std::move(vouchers)}).value();
  }
  static Voucher paid_at(uint64_t no, const PacketKey& packet, const std::string& sender, int64_t total, Timestamp at) {
    return {{no}, packet, VoucherKind::kPaid, 0, user(sender), Money(total), at};
  }
  static std::vector<int64_t> amounts(const std::vector<ReceivedEntry>& page) {
    std::vector<int64_t> found;
    for (const auto& entry : page) {
      found.push_back(entry.amount.fen());
    }
    return found;
  }

  std::unique_ptr<InboxBackend> backend_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Adapters, InboxStoreContract, testing::ValuesIn(inbox_backends()), backend_name<InboxStore>);

TEST_P(InboxStoreContract, AnUnknownUserHasAnEmptyInbox) {
  EXPECT_THAT(store().sent(user("ann"), kListTop, 10).value(), IsEmpty());
  EXPECT_THAT(store().received(user("ann"), kListTop, 10).value(), IsEmpty());
  EXPECT_EQ(store().summary(user("ann"), 2026).value().sent_count, 0U);
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{1});
}

TEST_P(InboxStoreContract, VouchersBecomeEntriesWithEveryField) {
  const Order made = order(key(1), 100, 2);
  ASSERT_TRUE(apply(1, {paid(1, made), opened(2, key(1), 1, "ann", 30), refunded(3, key(1), "sender", 70)}));
  const auto sent = store().sent(user("sender"), kListTop, 10).value();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].packet, key(1));
  EXPECT_EQ(sent[0].total, Money(100));
  EXPECT_EQ(sent[0].refunded, Money(70));
  EXPECT_EQ(sent[0].paid_at, made.paid_at);
  const auto received = store().received(user("ann"), kListTop, 10).value();
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].packet, key(1));
  EXPECT_EQ(received[0].seq, 1U);
  EXPECT_EQ(received[0].amount, Money(30));
  EXPECT_EQ(received[0].opened_at, opened(2, key(1), 1, "ann", 30).at);
  EXPECT_EQ(received[0].voucher, VoucherNo{2});
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{4});
}

TEST_P(InboxStoreContract, ARefundInALaterBatchIsShownAtItsPacket) {
  ASSERT_TRUE(apply(1, {paid(1, order(key(1), 100, 2)), paid(2, order(key(2), 50, 2))}));
  EXPECT_EQ(store().sent(user("sender"), kListTop, 10).value().at(1).refunded, Money(0));
  ASSERT_TRUE(apply(3, {refunded(3, key(1), "sender", 100)}));
  const auto sent = store().sent(user("sender"), kListTop, 10).value();
  EXPECT_EQ(sent.at(0).refunded, Money(0));
  EXPECT_EQ(sent.at(1).refunded, Money(100));
}

TEST_P(InboxStoreContract, ABatchThatDoesNotStartAtTheCursorIsNotApplied) {
  ASSERT_TRUE(apply(1, {opened(1, key(1), 1, "ann", 30)}));
  EXPECT_FALSE(apply(1, {opened(1, key(1), 1, "ann", 30)}));
  EXPECT_FALSE(apply(3, {opened(3, key(1), 3, "ann", 30)}));
  EXPECT_THAT(store().received(user("ann"), kListTop, 10).value(), SizeIs(1));
  EXPECT_EQ(store().summary(user("ann"), 2026).value().received_total, Money(30));
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{2});
}

TEST_P(InboxStoreContract, EachShardHasItsOwnCursor) {
  ASSERT_TRUE(apply(1, {opened(1, key(1), 1, "ann", 30)}));
  ASSERT_TRUE(apply(1, {opened(1, key(1, kToday, kOtherShard), 1, "ann", 40)}, kOtherShard));
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{2});
  EXPECT_EQ(store().cursor(kOtherShard).value(), VoucherNo{2});
  const auto received = store().received(user("ann"), kListTop, 10).value();
  EXPECT_THAT(amounts(received), ElementsAre(40, 30));
  EXPECT_EQ(received[0].packet.shard, kOtherShard);
}

TEST_P(InboxStoreContract, PagesAreNewestFirstAndDoNotShiftWhileNewEntriesArrive) {
  std::vector<Voucher> vouchers;
  for (uint32_t i = 1; i <= 5; ++i) {
    vouchers.push_back(opened(2 * i - 1, key(i), 1, "ann", i));
    vouchers.push_back(opened(uint64_t{i} * 2, key(i), 2, "bob", 100 + i));
  }
  ASSERT_TRUE(apply(1, vouchers));
  const auto first = store().received(user("ann"), kListTop, 2).value();
  EXPECT_THAT(amounts(first), ElementsAre(5, 4));
  ASSERT_TRUE(apply(11, {opened(11, key(9), 1, "ann", 9)}));
  const auto second = store().received(user("ann"), first.back().position(), 2).value();
  EXPECT_THAT(amounts(second), ElementsAre(3, 2));
  EXPECT_THAT(amounts(store().received(user("ann"), second.back().position(), 2).value()), ElementsAre(1));
  EXPECT_THAT(amounts(store().received(user("ann"), kListTop, 1).value()), ElementsAre(9));
  EXPECT_THAT(store().received(user("ann"), ListPosition{}, 10).value(), IsEmpty());
}

TEST_P(InboxStoreContract, SentPacketsArePagedInTheSameWay) {
  std::vector<Voucher> vouchers;
  for (uint32_t i = 1; i <= 3; ++i) {
    vouchers.push_back(paid(i, order(key(i), int64_t{i} * 10, 1)));
  }
  ASSERT_TRUE(apply(1, vouchers));
  const auto first = store().sent(user("sender"), kListTop, 2).value();
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].total, Money(30));
  ASSERT_TRUE(apply(4, {paid(4, order(key(4), 40, 1))}));
  const auto second = store().sent(user("sender"), first[1].position(), 2).value();
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].total, Money(10));
}

TEST_P(InboxStoreContract, ListsAreInTheOrderOfHappeningWhicheverShardIsFollowedFirst) {
  const auto at = [](int ms) { return kNoon + std::chrono::milliseconds(ms); };
  const auto packet = [](uint32_t counter) { return key(counter, kToday, kOtherShard); };
  ASSERT_TRUE(apply(1, {opened(1, key(1), 1, "ann", 10, at(10)), opened(2, key(2), 1, "ann", 30, at(30)),
                        opened(3, key(3), 1, "ann", 50, at(50)), paid_at(4, key(4), "ann", 100, at(10)),
                        paid_at(5, key(5), "ann", 300, at(30))}));
  ASSERT_TRUE(apply(1,
                    {opened(1, packet(1), 1, "ann", 20, at(20)), opened(2, packet(2), 1, "ann", 40, at(40)),
                     paid_at(3, packet(3), "ann", 200, at(20))},
                    kOtherShard));
  const auto first = store().received(user("ann"), kListTop, 2).value();
  EXPECT_THAT(amounts(first), ElementsAre(50, 40));
  ASSERT_TRUE(
      apply(4, {opened(4, packet(4), 1, "ann", 45, at(45)), opened(5, packet(5), 1, "ann", 60, at(60))}, kOtherShard));
  EXPECT_THAT(amounts(store().received(user("ann"), first.back().position(), 9).value()), ElementsAre(30, 20, 10));
  EXPECT_THAT(amounts(store().received(user("ann"), kListTop, 9).value()), ElementsAre(60, 50, 45, 40, 30, 20, 10));
  std::vector<int64_t> sent;
  const auto page = store().sent(user("ann"), kListTop, 9).value();
  for (const SentEntry& entry : page) {
    sent.push_back(entry.total.fen());
  }
  EXPECT_THAT(sent, ElementsAre(300, 200, 100));
}

// Several shards, few milliseconds, pages of every size: each entry once, in one order, in every adapter.
TEST_P(InboxStoreContract, PagesShowEachEntryOnceByTimeShardAndVoucher) {
  std::minstd_rand random(7);
  std::vector<ListPosition> wanted;
  for (const ShardId shard : {ShardId{Region::kNorth, 3}, kShard, ShardId{Region::kSouth, 999}, kOtherShard}) {
    std::vector<Voucher> vouchers;
    for (uint32_t no = 1; no <= 40; ++no) {
      const Timestamp at = kNoon + std::chrono::milliseconds(random() % 4);
      vouchers.push_back(opened(no, key(no, kToday, shard), 1, "ann", 1 + no, at));
      wanted.push_back({at, VoucherTie::of(shard, {no})});
    }
    ASSERT_TRUE(apply(1, vouchers, shard));
  }
  std::ranges::sort(wanted, std::greater());
  for (const size_t size : {size_t{1}, size_t{7}, size_t{50}, size_t{1'000}}) {
    std::vector<ListPosition> found;
    for (ListPosition before = kListTop; found.size() < wanted.size(); before = found.back()) {
      const auto page = store().received(user("ann"), before, size).value();
      ASSERT_FALSE(page.empty());
      for (const ReceivedEntry& entry : page) {
        found.push_back(entry.position());
      }
    }
    EXPECT_EQ(found, wanted) << size;
    EXPECT_THAT(store().received(user("ann"), found.back(), size).value(), IsEmpty());
  }
}

TEST_P(InboxStoreContract, YearsEndAtMidnightInUtcPlus8) {
  using std::chrono::milliseconds;
  ASSERT_TRUE(apply(
      1, {opened(1, key(1), 1, "ann", 1, kNewYear - milliseconds(1)), opened(2, key(1), 2, "ann", 20, kNewYear),
          paid_at(3, key(2), "ann", 300, kNewYear - milliseconds(1)), paid_at(4, key(3), "ann", 4000, kNewYear)}));
  const auto old_year = store().summary(user("ann"), 2026).value();
  EXPECT_EQ(old_year.received_count, 1U);
  EXPECT_EQ(old_year.received_total, Money(1));
  EXPECT_EQ(old_year.sent_count, 1U);
  EXPECT_EQ(old_year.sent_total, Money(300));
  const auto new_year = store().summary(user("ann"), 2027).value();
  EXPECT_EQ(new_year.received_count, 1U);
  EXPECT_EQ(new_year.received_total, Money(20));
  EXPECT_EQ(new_year.sent_total, Money(4000));
  EXPECT_EQ(store().summary(user("ann"), 2025).value().received_count, 0U);
}

TEST_P(InboxStoreContract, ARefundCountsInTheYearItCameBack) {
  ASSERT_TRUE(apply(1, {paid_at(1, key(1), "ann", 300, kNewYear - std::chrono::hours(1))}));
  ASSERT_TRUE(apply(2, {refunded(2, key(1), "ann", 200, kNewYear + std::chrono::hours(23))}));
  EXPECT_EQ(store().summary(user("ann"), 2026).value().sent_total, Money(300));
  EXPECT_EQ(store().summary(user("ann"), 2026).value().refunded_total, Money(0));
  EXPECT_EQ(store().summary(user("ann"), 2027).value().refunded_total, Money(200));
  EXPECT_EQ(store().summary(user("ann"), 2027).value().sent_count, 0U);
}

TEST_P(InboxStoreContract, YearlyTotalsAddUpOverBatches) {
  ASSERT_TRUE(apply(1, {opened(1, key(1), 1, "ann", 5), opened(2, key(2), 1, "ann", 6)}));
  ASSERT_TRUE(apply(3, {opened(3, key(3), 1, "ann", 7), opened(4, key(3), 2, "bob", 8)}));
  const auto ann = store().summary(user("ann"), 2026).value();
  EXPECT_EQ(ann.received_count, 3U);
  EXPECT_EQ(ann.received_total, Money(18));
  EXPECT_EQ(store().summary(user("bob"), 2026).value().received_total, Money(8));
}

TEST_P(InboxStoreContract, EverythingIsThereAfterAReopen) {
  ASSERT_TRUE(apply(1, {paid(1, order(key(1), 100, 2)), opened(2, key(1), 1, "ann", 30)}));
  backend_->reopen();
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{3});
  EXPECT_THAT(store().sent(user("sender"), kListTop, 10).value(), SizeIs(1));
  EXPECT_THAT(store().received(user("ann"), kListTop, 10).value(), SizeIs(1));
  EXPECT_EQ(store().summary(user("ann"), 2026).value().received_total, Money(30));
  EXPECT_FALSE(apply(1, {paid(1, order(key(1), 100, 2))}));
}

}  // namespace
}  // namespace hongbao
