// Reconciliation: service/reconciler.h.
#include "service/service_fixture.h"

namespace hongbao {
namespace {

class ReconcilerTest : public ServiceTest {
 protected:
  ReconciliationReport reconcile() { return at.reconcile().value(); }
};

TEST_F(ReconcilerTest, APaymentWithoutActivationIsActivatedInTime) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.debit_without_activation(packet);
  at.expect_balanced();
  at.clock.advance(kGrace);
  const auto report = reconcile();
  EXPECT_EQ(report.pending, 1U);
  EXPECT_EQ(report.activated, 1U);
  EXPECT_EQ(report.returned + report.failed, 0U);
  EXPECT_EQ(at.view(packet.order.key)->state, PacketState::kActive);
  EXPECT_EQ(at.wallet("alice"), 0);
  at.settle();
  at.expect_balanced();
}

TEST_F(ReconcilerTest, APaymentOnItsWayIsLeftAlone) {
  at.deposit("alice", 300);
  at.debit_without_activation(at.sent("alice", lucky(300, 5)));
  at.clock.advance(kGrace - std::chrono::milliseconds(1));
  EXPECT_EQ(reconcile().pending, 0U);
}

TEST_F(ReconcilerTest, APaymentWithoutActivationIsReturnedWhenTheOrderHasLapsed) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.debit_without_activation(packet);
  at.clock.advance(kPayable + std::chrono::milliseconds(1));
  const auto report = reconcile();
  EXPECT_EQ(report.returned, 1U);
  EXPECT_EQ(report.activated, 0U);
  at.expect_balanced();
  at.settle();
  EXPECT_EQ(at.wallet("alice"), 300);
  EXPECT_EQ(at.view(packet.order.key)->state, PacketState::kExpired);
  at.expect_balanced();
}

TEST_F(ReconcilerTest, RunningAgainChangesNothing) {
  at.deposit("alice", 600);
  at.debit_without_activation(at.sent("alice", lucky(300, 5)));
  at.clock.advance(kPayable + std::chrono::seconds(1));
  at.debit_without_activation(at.sent("alice", lucky(300, 5)));
  at.clock.advance(kGrace);
  const auto vouchers = [&] {
    size_t count = 0;
    for (const ShardId shard : at.shard_ids) {
      count += at.log(shard).size();
    }
    return count;
  };
  reconcile();
  const size_t written = vouchers();
  const auto again = reconcile();
  EXPECT_EQ(again.pending, 2U) << "not settled yet";
  EXPECT_EQ(again.activated, 1U);
  EXPECT_EQ(again.returned, 1U);
  EXPECT_EQ(vouchers(), written);
  at.settle();
  EXPECT_EQ(reconcile().pending, 0U);
  EXPECT_EQ(vouchers(), written);
  EXPECT_EQ(at.wallet("alice"), 300);
  at.expect_balanced();
}

TEST_F(ReconcilerTest, AStoppedShardsPaymentsWaitForIt) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.debit_without_activation(packet);
  at.clock.advance(kGrace);
  at.shards.find(packet.order.key.shard)->stop();
  EXPECT_EQ(reconcile().pending, 0U) << "that is its next owner's";
  at.restart_shards();
  EXPECT_EQ(reconcile().activated, 1U);
}

TEST_F(ReconcilerTest, APayRepeatedAfterTheCrashIsTheSamePayment) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.debit_without_activation(packet);
  EXPECT_EQ(at.pay("alice", packet).value().outcome, PaymentOutcome::kPaid);
  EXPECT_EQ(at.wallet("alice"), 0);
  at.settle();
  at.clock.advance(kGrace);
  EXPECT_EQ(reconcile().pending, 0U);
  at.expect_balanced();
}

TEST_F(ReconcilerTest, ARefusedTransferIsTriedAgainWithGrowingPauses) {
  at.set_frozen("bob", true);
  const PacketKey packet = at.active(lucky(100, 1));
  at.opened(packet, "bob");
  at.settle();
  std::chrono::milliseconds waited{0};
  std::vector<int64_t> pauses_s;
  while (pauses_s.size() < 6) {
    at.clock.advance(std::chrono::seconds(1));
    waited += std::chrono::seconds(1);
    if (const auto report = reconcile(); report.deferred > 0) {
      EXPECT_EQ(report.posted, 0U);
      pauses_s.push_back(waited.count() / 1'000);
      waited = {};
    }
  }
  EXPECT_THAT(pauses_s, testing::ElementsAre(1, 2, 4, 8, 16, 32));
  EXPECT_EQ(at.wallet("bob"), 0);
  at.expect_balanced();
}

TEST_F(ReconcilerTest, ThePauseOfARefusedTransferIsBounded) {
  at.set_frozen("bob", true);
  at.opened(at.active(lucky(100, 1)), "bob");
  at.settle();
  for (int i = 0; i < 40; ++i) {
    at.clock.advance(kDeferralMax);
    EXPECT_EQ(reconcile().deferred, 1U) << i;
  }
}

TEST_F(ReconcilerTest, AThawedTakerIsPaidOnce) {
  at.set_frozen("bob", true);
  at.opened(at.active(lucky(100, 1)), "bob");
  at.settle();
  at.clock.advance(std::chrono::seconds(1));
  reconcile();
  at.set_frozen("bob", false);
  EXPECT_EQ(reconcile().deferred, 0U) << "its pause is not over";
  at.clock.advance(std::chrono::seconds(2));
  const auto report = reconcile();
  EXPECT_EQ(report.deferred, 1U);
  EXPECT_EQ(report.posted, 1U);
  EXPECT_EQ(at.wallet("bob"), 100);
  at.clock.advance(std::chrono::hours(2));
  EXPECT_EQ(reconcile().deferred, 0U);
  EXPECT_EQ(at.wallet("bob"), 100);
  at.expect_balanced();
}

TEST_F(ReconcilerTest, TheLastReportIsKept) {
  at.clock.advance(std::chrono::seconds(7));
  reconcile();
  EXPECT_EQ(at.reconciler.last_report().at, at.clock.now());
}

}  // namespace
}  // namespace hongbao
