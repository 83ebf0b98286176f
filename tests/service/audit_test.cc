// service/audit.h: balanced at every step, and able to say when something is wrong.
#include "service/service_fixture.h"

namespace hongbao {
namespace {

class AuditTest : public ServiceTest {
 protected:
  // One packet in each state, half of the log settled, one transfer deferred, one payment pending.
  void make_history() {
    at.deposit("alice", 5'000);
    at.set_frozen("frozen", true);
    const PacketKey exhausted = at.active(lucky(100, 2));
    at.opened(exhausted, "bob");
    at.opened(exhausted, "frozen");
    at.settle();
    at.opened(at.active(lucky(500, 5)), "bob");
    at.debit_without_activation(at.sent("alice", lucky(300, 3)));
  }

  AuditReport run(bool deep = false) { return at.audit.run(deep).value(); }

  // An audit over the same ledger whose first shard's store lies.
  AuditReport run_over(TamperedOrderStore& store, ShardId shard, bool deep = false) {
    auto orders = at.orders;
    orders[shard] = &store;
    return Audit({{LedgerId{}, &at.ledger}}, Ledgers(), orders, at.clock).run(deep).value();
  }
};

TEST_F(AuditTest, AnEmptyDeploymentBalances) {
  const AuditReport report = run(true);
  EXPECT_TRUE(report.balanced());
  EXPECT_EQ(report.shards.size(), 2U);
}

TEST_F(AuditTest, ItBalancesAfterEveryStep) {
  at.deposit("alice", 1'000);
  at.expect_balanced();
  const PreOrder packet = at.sent("alice", lucky(600, 3));
  at.expect_balanced();
  at.debit_without_activation(packet);
  at.expect_balanced();
  ASSERT_TRUE(at.pay("alice", packet));
  at.expect_balanced();
  at.set_frozen("carol", true);
  for (const char* taker : {"bob", "carol"}) {
    at.opened(packet.order.key, taker);
    at.expect_balanced();
  }
  Settler one_by_one(at.orders, at.stream, at.first_ledger, at.control, at.ownership, 1, at.registry);
  ASSERT_TRUE(one_by_one.prepare());
  while (at.settle_once(one_by_one).value() > 0) {
    at.expect_balanced();
  }
  at.clock.advance(kPacketTtl);
  ASSERT_EQ(at.refund(), 1U);
  at.expect_balanced();
  ASSERT_EQ(at.reconcile()->deferred, 1U);
  at.expect_balanced();
  at.set_frozen("carol", false);
  at.clock.advance(kPacketTtl);
  ASSERT_EQ(at.reconcile()->posted, 1U);
  at.expect_balanced();
  EXPECT_EQ(at.settle(), 0U) << "the other settler did it";
  EXPECT_EQ(at.settle(), 1U);
  at.expect_balanced();
}

TEST_F(AuditTest, TheLagCountsVouchersNotSettled) {
  const PacketKey packet = at.active(lucky(100, 5));
  at.opened(packet, "bob");
  uint64_t lag = 0;
  for (const ShardAudit& shard : run().shards) {
    lag += shard.lag();
  }
  EXPECT_EQ(lag, 2U);
}

TEST_F(AuditTest, AnEscrowThatIsOffByOneIsSeenInBothDirections) {
  make_history();
  for (const int64_t error : {1, -1}) {
    at.ledger.tamper = [error](LedgerTotals& totals) { totals.shards[0].escrow += Money(error); };
    EXPECT_FALSE(run().balanced());
    EXPECT_EQ(run().difference(), Money(1));
  }
  at.ledger.tamper = nullptr;
  EXPECT_TRUE(run().balanced());
}

TEST_F(AuditTest, ErrorsOfTwoShardsDoNotCancel) {
  make_history();
  at.ledger.tamper = [](LedgerTotals& totals) {
    totals.shards[0].escrow += Money(7);
    totals.shards[1].escrow -= Money(7);
  };
  EXPECT_EQ(run().difference(), Money(14));
}

TEST_F(AuditTest, AnAccountWithoutItsTransferIsSeen) {
  make_history();
  at.ledger.tamper = [](LedgerTotals& totals) { totals.sum_over_accounts += Money(1); };
  EXPECT_FALSE(run().balanced());
  at.ledger.tamper = [](LedgerTotals& totals) { totals.sum_over_transfers -= Money(1); };
  EXPECT_FALSE(run().balanced());
  at.ledger.tamper = [](LedgerTotals& totals) {
    totals.debits_posted += Money(1);
    totals.credits_posted += Money(1);
  };
  EXPECT_FALSE(run().balanced());
}

TEST_F(AuditTest, ANegativeWalletIsSeen) {
  at.ledger.tamper = [](LedgerTotals& totals) { totals.accounts_negative = 1; };
  EXPECT_EQ(run().difference(), Money(0));
  EXPECT_FALSE(run().balanced());
}

TEST_F(AuditTest, LostPendingAndDeferredMoneyIsSeen) {
  make_history();
  at.ledger.tamper = [](LedgerTotals& totals) {
    for (auto& shard : totals.shards) {
      shard.pending = Money(0);
    }
  };
  EXPECT_EQ(run().difference(), Money(300 + 500)) << "not activated, and activated but not settled";
  at.ledger.tamper = [](LedgerTotals& totals) {
    for (auto& shard : totals.shards) {
      shard.deferred = Money(0);
    }
  };
  EXPECT_FALSE(run().balanced());
}

TEST_F(AuditTest, MissingVouchersAreSeen) {
  make_history();
  const std::vector<std::function<void(OrderTotals&)>> lies{
      [](OrderTotals& totals) { totals.all.paid -= Money(1); },
      [](OrderTotals& totals) { totals.all.opened -= Money(1); },
      [](OrderTotals& totals) { totals.all.refunded += Money(1); },
      [](OrderTotals& totals) { totals.unsettled.paid += Money(1); },
      [](OrderTotals& totals) { totals.unsettled.opened += Money(1); },
      [](OrderTotals& totals) { totals.unsettled.refunded += Money(1); },
      [](OrderTotals& totals) { totals.packets_total += Money(1); },
  };
  for (const ShardId shard : at.shard_ids) {
    TamperedOrderStore store(*at.orders.at(shard));
    EXPECT_TRUE(run_over(store, shard).balanced());
    for (size_t i = 0; i < lies.size(); ++i) {
      store.tamper = lies[i];
      EXPECT_FALSE(run_over(store, shard).balanced()) << "lie " << i << " of " << to_text(shard);
    }
  }
}

TEST_F(AuditTest, ADeepAuditReportsContradictingPackets) {
  const PacketKey packet = at.active(lucky(100, 5));
  TamperedOrderStore store(*at.orders.at(packet.shard));
  store.found = {{packet, "shares are not numbered 1…n"}};
  EXPECT_TRUE(run_over(store, packet.shard, false).balanced());
  const AuditReport report = run_over(store, packet.shard, true);
  EXPECT_FALSE(report.balanced());
  ASSERT_EQ(report.violations.size(), 1U);
  EXPECT_EQ(report.violations[0].packet, packet);
}

TEST_F(AuditTest, ItBalancesWhileTrafficRuns) {
  std::atomic<bool> stop{false};
  std::thread settling([&] {
    while (!stop.load()) {
      (void)at.settle_once();
    }
  });
  std::thread traffic([&] {
    for (int i = 0; i < 40; ++i) {
      const PacketKey packet = at.active(lucky(100, 3));
      at.opened(packet, "bob");
      at.opened(packet, "carol");
    }
    stop.store(true);
  });
  while (!stop.load()) {
    at.expect_balanced(false);
  }
  traffic.join();
  settling.join();
  at.expect_balanced();
}

}  // namespace
}  // namespace hongbao
