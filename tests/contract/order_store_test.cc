// The contract of ports/order_store.h.
#include "ports/order_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "contract/backends.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using std::chrono::milliseconds;

constexpr milliseconds kLease{600'000};  // no test takes so long
constexpr Day kYesterday{kToday.since_epoch - 1};
constexpr Day kTomorrow{kToday.since_epoch + 1};

class OrderStoreContract : public testing::TestWithParam<BackendMaker<OrderStore>> {
 protected:
  OrderStoreContract() { head_ = store().acquire("first", kNoLease).value(); }

  OrderStore& store() { return backend_->store(); }
  [[nodiscard]] uint64_t next() const { return head_.next_voucher.value; }

  // Commits as the owner, and remembers where the head moved.
  CommitOutcome commit(std::vector<Order> activated, std::vector<Voucher> vouchers,
                       std::vector<CommitBatch::Finished> finished = {}) {
    const CommitBatch batch{head_.epoch, head_.next_voucher, std::move(activated), std::move(vouchers),
                            std::move(finished)};
    const CommitOutcome outcome = store().commit(batch);
    if (outcome == CommitOutcome::kCommitted) {
      head_.next_voucher = batch.next();
    }
    return outcome;
  }
  Order activate(const PacketKey& packet, int64_t total = 100, uint32_t count = 3) {
    const Order made = order(packet, total, count);
    EXPECT_EQ(commit({made}, {paid(next(), made)}), CommitOutcome::kCommitted);
    return made;
  }
  std::vector<uint64_t> log_numbers(uint64_t from, size_t vouchers_max) {
    std::vector<uint64_t> numbers;
    const auto all = store().read_log({from}, vouchers_max).value();
    for (const Voucher& voucher : all) {
      numbers.push_back(voucher.no.value);
    }
    return numbers;
  }

  std::unique_ptr<OrderBackend> backend_ = GetParam().make();
  ShardHead head_;
};

INSTANTIATE_TEST_SUITE_P(Adapters, OrderStoreContract, testing::ValuesIn(order_backends()), backend_name<OrderStore>);

TEST_P(OrderStoreContract, ANewShardStartsAtTheFirstVoucher) {
  EXPECT_EQ(head_, (ShardHead{.epoch = 1, .next_voucher = VoucherNo{1}}));
  EXPECT_EQ(store().head().value(), head_);
  EXPECT_THAT(store().read_log({1}, 10).value(), IsEmpty());
  EXPECT_EQ(store().totals({1}).value().packets, 0U);
}

TEST_P(OrderStoreContract, EachAcquisitionRaisesTheEpochByOneAndKeepsTheLogPosition) {
  activate(key(0));
  const ShardHead second = store().acquire("second", kNoLease).value();
  EXPECT_EQ(second, (ShardHead{.epoch = 2, .next_voucher = VoucherNo{2}}));
  EXPECT_EQ(store().head().value(), second);
}

TEST_P(OrderStoreContract, AnotherOwnerWaitsUntilTheLeaseLapses) {
  const ShardHead held = store().acquire("first", kLease).value();
  EXPECT_EQ(store().acquire("second", kLeaseForever).error().code, ErrorCode::kFenced);
  EXPECT_EQ(store().head().value(), held) << "a refused acquisition changes nothing";
  backend_->pass(kLease);
  const ShardHead taken = store().acquire("second", kLeaseForever).value();
  EXPECT_EQ(taken.epoch, held.epoch + 1);
  EXPECT_EQ(store().acquire("first", kLeaseForever).error().code, ErrorCode::kFenced);
}

TEST_P(OrderStoreContract, ALaterProcessOfTheOwnerNeedNotWaitAndTheEarlierOneCantTakeTheShardBack) {
  ASSERT_TRUE(store().acquire({"first", 5}, kLeaseForever).has_value());
  const ShardHead later = store().acquire({"first", 6}, kLeaseForever).value();
  EXPECT_EQ(store().acquire({"first", 5}, kLeaseForever).error().code, ErrorCode::kFenced);
  EXPECT_EQ(store().head().value(), later);
  EXPECT_EQ(store().acquire({"first", 6}, kLeaseForever).value().epoch, later.epoch + 1);
  EXPECT_EQ(store().acquire({"second", 7}, kLeaseForever).error().code, ErrorCode::kFenced);
}

// A node whose clock was set back between two starts.
TEST_P(OrderStoreContract, AnEarlierIncarnationWaitsForTheLeaseLikeAnybodyElse) {
  const ShardHead held = store().acquire({"first", 5}, kLeaseForever).value();
  ASSERT_TRUE(store().release(held.epoch).has_value());
  EXPECT_TRUE(store().acquire({"first", 4}, kLeaseForever).has_value());
  EXPECT_TRUE(store().acquire({"first", 4}, kLeaseForever).has_value());
}

TEST_P(OrderStoreContract, AnybodyCanReadWhoHasTheShardAndForHowLong) {
  const ShardHead held = store().acquire("first", milliseconds(60'000)).value();
  const ShardTenure tenure = store().tenure().value();
  EXPECT_EQ(tenure.head, held);
  EXPECT_EQ(tenure.owner, "first");
  EXPECT_GT(tenure.lease_left, milliseconds(30'000));
  EXPECT_LE(tenure.lease_left, milliseconds(60'000));
  ASSERT_TRUE(store().release(held.epoch).has_value());
  EXPECT_EQ(store().tenure().value().owner, "first") << "nobody has had it since";
  EXPECT_EQ(store().tenure().value().lease_left, milliseconds(0));
}

TEST_P(OrderStoreContract, ALeaseMayBeLong) {
  ASSERT_TRUE(store().acquire("first", kLeaseForever).has_value());
  EXPECT_EQ(store().acquire("second", kNoLease).error().code, ErrorCode::kFenced);
}

TEST_P(OrderStoreContract, AnOwnerTakesItsOwnShardAgainAtOnce) {
  const ShardHead held = store().acquire("first", kLeaseForever).value();
  EXPECT_EQ(store().acquire("first", kLeaseForever).value().epoch, held.epoch + 1);
}

TEST_P(OrderStoreContract, RenewingAndCommittingExtendTheLease) {
  head_ = store().acquire("first", kLease).value();
  for (uint32_t i = 0; i < 3; ++i) {
    backend_->pass(kLease * 2 / 3);
    i % 2 == 0 ? (void)activate(key(i)) : (void)store().renew(head_.epoch).value();
    EXPECT_EQ(store().acquire("second", kNoLease).error().code, ErrorCode::kFenced) << i;
  }
  backend_->pass(kLease);
  EXPECT_TRUE(store().acquire("second", kNoLease).has_value());
}

TEST_P(OrderStoreContract, OnlyTheLastEpochRenewsAndReleases) {
  const uint32_t old_epoch = head_.epoch;
  head_ = store().acquire("second", kLeaseForever).value();
  EXPECT_FALSE(store().renew(old_epoch).value());
  EXPECT_TRUE(store().release(old_epoch).has_value());
  EXPECT_EQ(store().acquire("third", kNoLease).error().code, ErrorCode::kFenced);
  EXPECT_TRUE(store().renew(head_.epoch).value());
}

TEST_P(OrderStoreContract, AReleasedShardIsTakenAtOnce) {
  head_ = store().acquire("first", kLeaseForever).value();
  EXPECT_TRUE(store().release(head_.epoch).has_value());
  EXPECT_TRUE(store().acquire("second", kLeaseForever).has_value());
}

TEST_P(OrderStoreContract, ACommitMovesTheHeadPastItsLastVoucher) {
  const Order made = order(key(0), 100, 2);
  EXPECT_EQ(commit({made}, {paid(1, made), opened(2, made.key, 1, "ann", 60), opened(3, made.key, 2, "bob", 40)}),
            CommitOutcome::kCommitted);
  EXPECT_EQ(store().head().value(), (ShardHead{.epoch = 1, .next_voucher = VoucherNo{4}}));
}

TEST_P(OrderStoreContract, AStaleEpochIsFencedAndWritesNothing) {
  activate(key(0));
  ASSERT_TRUE(store().acquire("second", kNoLease).has_value());
  const Order late = order(key(1), 50, 1);
  EXPECT_EQ(commit({late}, {paid(2, late)}), CommitOutcome::kFenced);
  EXPECT_EQ(store().load(late.key).value(), std::nullopt);
  EXPECT_EQ(store().head().value(), (ShardHead{.epoch = 2, .next_voucher = VoucherNo{2}}));
  EXPECT_THAT(log_numbers(1, 10), ElementsAre(1));
}

TEST_P(OrderStoreContract, AFencedBatchMayNameADayThatHasNoTablesYet) {
  ASSERT_TRUE(store().acquire("second", kNoLease).has_value());
  const Order late = order(key(0, kTomorrow), 50, 1);
  EXPECT_EQ(commit({late}, {paid(1, late)}), CommitOutcome::kFenced);
  head_ = store().acquire("third", kNoLease).value();
  EXPECT_EQ(commit({late}, {paid(1, late)}), CommitOutcome::kCommitted);
  EXPECT_TRUE(store().load(late.key).value().has_value());
}

TEST_P(OrderStoreContract, AnotherLogPositionIsFenced) {
  const Order made = activate(key(0));
  head_.next_voucher = VoucherNo{1};
  EXPECT_EQ(commit({}, {opened(1, made.key, 1, "ann", 10)}), CommitOutcome::kFenced);
  head_.next_voucher = VoucherNo{3};
  EXPECT_EQ(commit({}, {opened(3, made.key, 1, "ann", 10)}), CommitOutcome::kFenced);
  EXPECT_THAT(store().load(made.key).value()->opened, IsEmpty());
}

// What a writer does after kUnknown: acquire again and compare the head.
TEST_P(OrderStoreContract, TheHeadTellsWhetherACommitWithALostAnswerLanded) {
  const Order made = order(key(0), 100, 3);
  const CommitBatch batch{head_.epoch, head_.next_voucher, {made}, {paid(1, made)}, {}};
  ASSERT_EQ(store().commit(batch), CommitOutcome::kCommitted);  // nobody heard it
  EXPECT_EQ(store().acquire("again", kNoLease).value().next_voucher, batch.next());

  const CommitBatch never_sent{2, batch.next(), {}, {opened(2, made.key, 1, "ann", 10)}, {}};
  EXPECT_EQ(store().acquire("again", kNoLease).value().next_voucher, never_sent.expected_next);
}

TEST_P(OrderStoreContract, APacketThatWasNeverActivatedIsAbsent) {
  EXPECT_EQ(store().load(key(0)).value(), std::nullopt);
  activate(key(0));
  EXPECT_EQ(store().load(key(1)).value(), std::nullopt);
  EXPECT_EQ(store().load(key(0, kYesterday)).value(), std::nullopt);
}

TEST_P(OrderStoreContract, AnActivePacketIsLoadedWithEveryFieldOfItsOrder) {
  Order made = order(key(0), 500, 4);
  made.kind = PacketKind::kExclusive;
  made.rule = Rule::kEqual;
  made.recipient = user("friend@example.org");
  Order of_no_group = order(key(1), 500, 4);
  of_no_group.group = {};
  ASSERT_EQ(commit({made, of_no_group}, {paid(1, made), paid(2, of_no_group)}), CommitOutcome::kCommitted);
  const auto stored = store().load(made.key).value();
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->order, made);
  EXPECT_EQ(store().load(of_no_group.key).value()->order, of_no_group);
  EXPECT_EQ(stored->state, PacketState::kActive);
  EXPECT_THAT(stored->opened, IsEmpty());
  EXPECT_EQ(stored->refunded, std::nullopt);
}

TEST_P(OrderStoreContract, TheLogSaysWhereUsersAreAtHomeAndWherePacketsWerePaid) {
  const Order made = order(key(0), 100, 2);
  std::vector<Voucher> vouchers{paid(1, made), opened(2, made.key, 1, "ann", 60), opened(3, made.key, 2, "bob", 40)};
  vouchers[0].home = Region::kNorth;
  vouchers[0].paid_in = {Region::kNorth, Ledgers::kCountMax - 1};
  vouchers[2].home = Region::kNorth;
  ASSERT_EQ(store().commit({head_.epoch, head_.next_voucher, {made}, vouchers, {}}), CommitOutcome::kCommitted);
  EXPECT_EQ(store().read_log({1}, 10).value(), vouchers);
  const auto loaded = store().load(made.key).value();
  EXPECT_EQ(loaded->order.sender_home, Region::kNorth);
  EXPECT_EQ(loaded->opened.at(1).home, Region::kNorth);
}

TEST_P(OrderStoreContract, OpenedSharesAreLoadedInTheOrderOfTheirNumbers) {
  const Order made = activate(key(0), 100, 10);
  // Takers whose names sort against their shares' numbers.
  const auto first = opened(2, made.key, 1, "zoe", 10);
  const auto second = opened(3, made.key, 2, "mia", 20);
  const auto third = opened(4, made.key, 3, "ann", 30);
  ASSERT_EQ(commit({}, {first, second}), CommitOutcome::kCommitted);
  ASSERT_EQ(commit({}, {third}), CommitOutcome::kCommitted);
  EXPECT_THAT(store().load(made.key).value()->opened, ElementsAre(first, second, third));
}

TEST_P(OrderStoreContract, AnExhaustedPacketIsLoadedWithAllItsShares) {
  const Order made = activate(key(0), 100, 2);
  const auto first = opened(2, made.key, 1, "ann", 60);
  const auto second = opened(3, made.key, 2, "bob", 40);
  ASSERT_EQ(commit({}, {first, second}, {{made.key, PacketState::kExhausted}}), CommitOutcome::kCommitted);
  const auto stored = store().load(made.key).value();
  EXPECT_EQ(stored->state, PacketState::kExhausted);
  EXPECT_THAT(stored->opened, ElementsAre(first, second));
}

TEST_P(OrderStoreContract, AnExpiredPacketIsLoadedWithItsRefund) {
  const Order made = activate(key(0), 100, 2);
  const auto refund = refunded(2, made.key, "sender", 100);
  ASSERT_EQ(commit({}, {refund}, {{made.key, PacketState::kExpired}}), CommitOutcome::kCommitted);
  const auto stored = store().load(made.key).value();
  EXPECT_EQ(stored->state, PacketState::kExpired);
  EXPECT_EQ(stored->refunded, refund);
}

TEST_P(OrderStoreContract, OneBatchMayActivateAndFinishAPacket) {
  const Order made = order(key(0), 100, 1);
  ASSERT_EQ(commit({made}, {paid(1, made), opened(2, made.key, 1, "ann", 100)}, {{made.key, PacketState::kExhausted}}),
            CommitOutcome::kCommitted);
  EXPECT_EQ(store().load(made.key).value()->state, PacketState::kExhausted);
}

TEST_P(OrderStoreContract, TheSenderMayOpenAShareOfTheirOwn) {
  const Order made = activate(key(0), 100, 2);
  ASSERT_EQ(commit({}, {opened(2, made.key, 1, "sender", 60), refunded(3, made.key, "sender", 40)},
                   {{made.key, PacketState::kExpired}}),
            CommitOutcome::kCommitted);
  EXPECT_THAT(store().load(made.key).value()->opened, SizeIs(1));
}

TEST_P(OrderStoreContract, TheLogIsReadInOrderAcrossDays) {
  const Order old = activate(key(0, kYesterday));
  const Order today = activate(key(0));
  const Order tomorrow = activate(key(0, kTomorrow));
  ASSERT_EQ(commit({}, {opened(4, today.key, 1, "ann", 1), opened(5, old.key, 1, "ann", 1),
                        opened(6, tomorrow.key, 1, "ann", 1), opened(7, old.key, 2, "bob", 1)}),
            CommitOutcome::kCommitted);
  EXPECT_THAT(log_numbers(1, 100), ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(log_numbers(3, 3), ElementsAre(3, 4, 5));
  const auto log = store().read_log({5}, 2).value();
  EXPECT_THAT(log, ElementsAre(opened(5, old.key, 1, "ann", 1), opened(6, tomorrow.key, 1, "ann", 1)));
}

TEST_P(OrderStoreContract, TheLogEndsAtTheHead) {
  activate(key(0));
  activate(key(1));
  EXPECT_THAT(log_numbers(2, 100), ElementsAre(2));
  EXPECT_THAT(log_numbers(3, 100), IsEmpty());
  EXPECT_THAT(log_numbers(1000, 100), IsEmpty());
  EXPECT_THAT(log_numbers(1, 0), IsEmpty());
}

TEST_P(OrderStoreContract, DuePacketsAreActiveAndExpiredOldestDayFirst) {
  const auto activate_until = [&](const PacketKey& packet, std::chrono::hours after) {
    Order made = order(packet, 100, 1);
    made.expires_at = kNoon + after;
    ASSERT_EQ(commit({made}, {paid(next(), made)}), CommitOutcome::kCommitted);
  };
  using std::chrono::hours;
  activate_until(key(0), hours(3));
  activate_until(key(1), hours(2));
  activate_until(key(2), hours(5));
  activate_until(key(0, kYesterday), hours(4));
  activate_until(key(3), hours(1));
  ASSERT_EQ(commit({}, {refunded(next(), key(3), "sender", 100)}, {{key(3), PacketState::kExpired}}),
            CommitOutcome::kCommitted);
  EXPECT_THAT(store().due(kNoon, 10).value(), IsEmpty());
  EXPECT_THAT(store().due(kNoon + hours(2), 10).value(), ElementsAre(key(1)));  // expires_at itself is due
  EXPECT_THAT(store().due(kNoon + hours(4), 10).value(), ElementsAre(key(0, kYesterday), key(1), key(0)));
  EXPECT_THAT(store().due(kNoon + hours(4), 2).value(), ElementsAre(key(0, kYesterday), key(1)));
  EXPECT_THAT(store().due(kNoon + hours(4), 0).value(), IsEmpty());
}

TEST_P(OrderStoreContract, TotalsSumAllVouchersAndThoseSinceANumber) {
  const Order old = activate(key(0, kYesterday), 100, 2);  // 1
  const Order today = activate(key(0), 70, 2);             // 2
  ASSERT_EQ(commit({},
                   {opened(3, old.key, 1, "ann", 30), opened(4, today.key, 1, "ann", 50),  //
                    refunded(5, old.key, "sender", 70)},                                   //
                   {{old.key, PacketState::kExpired}}),
            CommitOutcome::kCommitted);
  const auto totals = store().totals({4}).value();
  EXPECT_EQ(totals.next_voucher, VoucherNo{6});
  EXPECT_EQ(totals.packets, 2U);
  EXPECT_EQ(totals.packets_active, 1U);
  EXPECT_EQ(totals.packets_total, Money(170));
  EXPECT_EQ(totals.all.paid, Money(170));
  EXPECT_EQ(totals.all.opened, Money(80));
  EXPECT_EQ(totals.all.refunded, Money(70));
  EXPECT_EQ(totals.unsettled.paid, Money(0));
  EXPECT_EQ(totals.unsettled.opened, Money(50));
  EXPECT_EQ(totals.unsettled.refunded, Money(70));
}

TEST_P(OrderStoreContract, EverythingIsThereAfterAReopen) {
  const Order old = activate(key(0, kYesterday), 100, 2);
  const Order today = activate(key(0), 70, 2);
  ASSERT_EQ(commit({}, {opened(3, old.key, 1, "ann", 30)}), CommitOutcome::kCommitted);
  backend_->reopen();
  EXPECT_EQ(store().head().value(), (ShardHead{.epoch = 1, .next_voucher = VoucherNo{4}}));
  EXPECT_THAT(log_numbers(1, 10), ElementsAre(1, 2, 3));
  EXPECT_EQ(store().load(today.key).value()->order, today);
  EXPECT_THAT(store().load(old.key).value()->opened, SizeIs(1));
  EXPECT_EQ(store().acquire("next", kNoLease).value(), (ShardHead{.epoch = 2, .next_voucher = VoucherNo{4}}));
  EXPECT_EQ(store().totals({1}).value().all.opened, Money(30));
}

TEST_P(OrderStoreContract, ManyDaysStayReadable) {
  constexpr int kDays = 100;
  for (int i = 0; i < kDays; ++i) {
    activate(key(0, Day{kToday.since_epoch + i}));
  }
  EXPECT_THAT(log_numbers(1, 1000), SizeIs(kDays));
  for (int i = 0; i < kDays; ++i) {
    ASSERT_TRUE(store().load(key(0, Day{kToday.since_epoch + i})).value().has_value());
  }
  EXPECT_THAT(store().due(kNoon + std::chrono::hours(48), 1000).value(), SizeIs(kDays));
  EXPECT_EQ(store().totals({1}).value().packets, static_cast<uint64_t>(kDays));
  EXPECT_THAT(store().violations(10).value(), IsEmpty());
}

TEST_P(OrderStoreContract, ReadersSeeOnlyWholeCommitsWhileTheWriterWrites) {
  constexpr uint32_t kPackets = 200;
  std::atomic<bool> done = false;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 6; ++i) {  // more than there are connections
    readers.emplace_back([&, i] {
      uint64_t from = 1;
      while (!done) {
        const auto vouchers = store().read_log({from}, 16).value();
        from += vouchers.size();
        const auto totals = store().totals({1}).value();
        EXPECT_EQ(totals.all.paid, totals.packets_total);
        EXPECT_EQ(totals.packets + totals.packets, totals.next_voucher.value - 1);
        const auto stored = store().load(key(static_cast<uint32_t>(i))).value();
        EXPECT_TRUE(!stored || stored->opened.size() == 1);
      }
    });
  }
  for (uint32_t i = 0; i < kPackets; ++i) {
    const Order made = order(key(i, Day{kToday.since_epoch + static_cast<int>(i % 5)}), 100, 1);
    ASSERT_EQ(commit({made}, {paid(next(), made), opened(next() + 1, made.key, 1, "ann", 100)},
                     {{made.key, PacketState::kExhausted}}),
              CommitOutcome::kCommitted);
  }
  done = true;
}

using OrderStoreContractDeathTest = OrderStoreContract;

// A forked child dies on its parent's directory, which the parent removes; one that starts anew would leave its own.
void forked_death_tests() {
  GTEST_FLAG_SET(death_test_style, "fast");
}

// Rows that are there may be damaged; the memory store's can't be.
TEST_P(OrderStoreContractDeathTest, ASecondShareForOneUserIsNotCommitted) {
  forked_death_tests();
  const Order made = activate(key(0), 100, 3);
  ASSERT_EQ(commit({}, {opened(2, made.key, 1, "ann", 10)}), CommitOutcome::kCommitted);
  const auto again = [&] { return commit({}, {opened(3, made.key, 2, "ann", 10)}); };
  if (GetParam().name == "memory") {
    EXPECT_DEATH(again(), "CHECK failed");
    return;
  }
  EXPECT_EQ(again(), CommitOutcome::kUnknown);
  EXPECT_EQ(store().acquire("test", kNoLease).value().next_voucher, VoucherNo{3});
  EXPECT_EQ(store().load(made.key).value()->opened.size(), 1U);
}

TEST_P(OrderStoreContractDeathTest, AGapInTheNumbersStopsTheProcess) {
  forked_death_tests();
  const Order made = activate(key(0), 100, 3);
  EXPECT_DEATH(commit({}, {opened(3, made.key, 1, "ann", 10)}), "CHECK failed");
  EXPECT_DEATH(commit({}, {}), "CHECK failed");
}

INSTANTIATE_TEST_SUITE_P(Adapters, OrderStoreContractDeathTest, testing::ValuesIn(order_backends()),
                         backend_name<OrderStore>);

}  // namespace
}  // namespace hongbao
