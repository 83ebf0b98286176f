// A process's hold on a shard alone, without packets. lease_test.cc plays two whole shards.
#include "shard/shard_lease.h"

#include <gtest/gtest.h>

#include "support/faulty_order_store.h"
#include "support/manual_clock.h"
#include "support/memory_order_store.h"

namespace hongbao::shard_lease_test {
namespace {

using namespace std::chrono_literals;

constexpr ShardId kShard{Region::kSouth, 4};
constexpr auto kLease = 3'000ms;
constexpr auto kPause = 100ms;

class ShardLeaseTest : public testing::Test {
 protected:
  ShardLeaseTest() { clock_.advance(1ms); }  // the epoch is nobody's time

  void take(ShardLease& lease) {
    const auto acquired = lease.acquire();
    ASSERT_TRUE(acquired) << acquired.error().detail;
    lease.hold(*acquired);
  }
  // What the owner of `epoch` would commit next.
  CommitBatch batch(uint32_t epoch, const char* sender) {
    CommitBatch made{.epoch = epoch, .expected_next = inner_.head()->next_voucher};
    const Order order{.key = {kShard, Day{20'000}, LocalNo{made.expected_next.value}},
                      .sender = UserId::trusted(sender),
                      .total = Money(10),
                      .count = 1,
                      .created_at = {1}};
    made.activated.push_back(order);
    made.vouchers.push_back({made.expected_next, order.key, VoucherKind::kPaid, 0, order.sender, order.total, {1}});
    return made;
  }

  ManualClock clock_{{1'790'000'000'000}};
  MemoryOrderStore inner_{kShard, clock_};
  FaultyOrderStore store_{inner_};
  ShardLease a_{kShard, store_, clock_, {"a", kLease, kPause}};
  ShardLease b_{kShard, inner_, clock_, {"b", kLease, kPause}};
};

TEST_F(ShardLeaseTest, IsHeldOnlyFromHoldOn) {
  const auto acquired = a_.acquire();
  ASSERT_TRUE(acquired);
  EXPECT_FALSE(a_.owns());
  EXPECT_EQ(a_.left(), 0ms);
  a_.hold(*acquired);
  EXPECT_TRUE(a_.owns());
  EXPECT_EQ(a_.left(), kLease);
  EXPECT_EQ(a_.epoch(), 1U);
}

TEST_F(ShardLeaseTest, CountsFromBeforeTheStoreWasAsked) {
  const auto acquired = a_.acquire();
  clock_.advance(kLease - 1ms);  // the store was slow
  a_.hold(*acquired);
  EXPECT_TRUE(a_.owns());
  clock_.advance(1ms);
  EXPECT_FALSE(a_.owns());
}

TEST_F(ShardLeaseTest, OneForEverNeverLapsesAndIsNeverRenewed) {
  ShardLease lease(kShard, store_, clock_, {.owner = "alone", .lease = kLeaseForever, .acquire_pause = 100ms});
  take(lease);
  clock_.advance(24h * 365);
  EXPECT_TRUE(lease.owns());
  EXPECT_EQ(lease.left(), kLeaseForever);
  EXPECT_EQ(lease.keep(), ShardLease::Kept::kYes);
  EXPECT_EQ(store_.renewals(), 0);
}

TEST_F(ShardLeaseTest, IsTakenWhenItIsWantedAndThePauseIsOver) {
  take(a_);
  EXPECT_FALSE(b_.acquire_if_due()) << "not wanted";
  EXPECT_TRUE(b_.want(true));
  EXPECT_FALSE(b_.want(true)) << "nothing new";
  EXPECT_FALSE(b_.acquire_if_due()) << "a's lease stands";
  a_.give_back();
  EXPECT_FALSE(b_.acquire_if_due()) << "the pause";
  clock_.advance(kPause);
  EXPECT_TRUE(b_.acquire_if_due());
}

TEST_F(ShardLeaseTest, IsRenewedWhenAThirdIsOver) {
  take(a_);
  clock_.advance(kLease / 3 - 1ms);
  EXPECT_EQ(a_.keep(), ShardLease::Kept::kYes);
  EXPECT_EQ(store_.renewals(), 0);
  clock_.advance(1ms);
  EXPECT_EQ(a_.keep(), ShardLease::Kept::kYes);
  EXPECT_EQ(store_.renewals(), 1);
  EXPECT_EQ(a_.left(), kLease);
}

TEST_F(ShardLeaseTest, ARenewalThatFailsIsTriedAgainAfterThePauseWhileTheLeaseStands) {
  take(a_);
  store_.fail_next_renewals(1);
  clock_.advance(kLease / 2);
  EXPECT_EQ(a_.keep(), ShardLease::Kept::kYes);
  EXPECT_EQ(a_.pending(), 0ms);
  EXPECT_EQ(a_.left(), kLease / 2);
  EXPECT_EQ(a_.keep(), ShardLease::Kept::kYes);
  EXPECT_EQ(store_.renewals(), 1);
  clock_.advance(kPause);
  EXPECT_EQ(a_.keep(), ShardLease::Kept::kYes);
  EXPECT_EQ(a_.left(), kLease);
}

TEST_F(ShardLeaseTest, ARenewalThatFailsWhenTheLeaseHasLapsedLeavesItUnknown) {
  take(a_);
  store_.fail_next_renewals(1);
  clock_.advance(kLease);
  EXPECT_EQ(a_.keep(), ShardLease::Kept::kUnknown);
  clock_.advance(2s);
  EXPECT_EQ(a_.pending(), 2s);
}

TEST_F(ShardLeaseTest, IsLostWhenAnotherTookTheShard) {
  take(a_);
  clock_.advance(kLease);
  take(b_);
  EXPECT_EQ(a_.keep(), ShardLease::Kept::kLost);
  a_.let_go();
  EXPECT_FALSE(a_.owns());
  EXPECT_EQ(a_.pending(), 0ms);
}

TEST_F(ShardLeaseTest, ACommitIsPendingUntilItExtendsTheLease) {
  take(a_);
  clock_.advance(500ms);
  const SteadyTime began = a_.begin_commit();
  clock_.advance(200ms);
  EXPECT_EQ(a_.pending(), 200ms);
  a_.extend(began);
  EXPECT_EQ(a_.pending(), 0ms);
  EXPECT_EQ(a_.left(), kLease - 200ms) << "from when the store was asked";
}

TEST_F(ShardLeaseTest, ACommitInDoubtIsResolvedByTheLog) {
  take(a_);
  for (const bool landed : {true, false}) {
    const CommitBatch made = batch(a_.epoch(), "ann");
    const SteadyTime began = a_.begin_commit();
    if (landed) {
      ASSERT_EQ(inner_.commit(made), CommitOutcome::kCommitted);
    }
    clock_.advance(1s);
    const auto resolved = a_.resolve(made);
    ASSERT_TRUE(resolved);
    EXPECT_EQ(resolved->landed, landed);
    ASSERT_TRUE(resolved->acquired);
    EXPECT_EQ(resolved->acquired->head.epoch, a_.epoch() + 1);
    EXPECT_EQ(resolved->acquired->from, began + 1s);
    EXPECT_EQ(a_.pending(), 0ms);
    a_.hold(*resolved->acquired);
  }
}

TEST_F(ShardLeaseTest, ACommitInDoubtIsResolvedThoughAnotherHasTheShard) {
  for (const bool landed : {true, false}) {
    take(a_);
    const CommitBatch made = batch(a_.epoch(), "ann");
    if (landed) {
      ASSERT_EQ(inner_.commit(made), CommitOutcome::kCommitted);
    }
    clock_.advance(kLease);
    take(b_);
    ASSERT_EQ(inner_.commit(batch(b_.epoch(), "bob")), CommitOutcome::kCommitted) << "so that the head has moved";
    const auto resolved = a_.resolve(made);
    ASSERT_TRUE(resolved);
    EXPECT_EQ(resolved->landed, landed);
    EXPECT_FALSE(resolved->acquired);
    b_.give_back();
  }
}

TEST_F(ShardLeaseTest, WhileTheStoreIsAwayACommitStaysInDoubt) {
  take(a_);
  const CommitBatch made = batch(a_.epoch(), "ann");
  a_.begin_commit();
  store_.fail_next_acquires(1);
  clock_.advance(1s);
  EXPECT_EQ(a_.resolve(made).error().code, ErrorCode::kStorage);
  EXPECT_EQ(a_.pending(), 1s);
  EXPECT_TRUE(a_.resolve(made));
  EXPECT_EQ(a_.pending(), 0ms);
}

}  // namespace
}  // namespace hongbao::shard_lease_test
