// Settlement: service/settler.h; and what it shares with the inbox's feed.
#include "service/inbox_feed.h"
#include "service/service_fixture.h"

namespace hongbao {
namespace {

class SettlerTest : public ServiceTest {
 protected:
  // A packet of 5 shares with three of them opened: four vouchers.
  PacketKey busy_packet() {
    const PacketKey packet = at.active(lucky(1'000, 5), "alice");
    for (const char* taker : {"bob", "carol", "dave"}) {
      at.opened(packet, taker);
    }
    return packet;
  }

  int64_t in_wallets() { return at.wallet("bob") + at.wallet("carol") + at.wallet("dave"); }
};

TEST_F(SettlerTest, MoneyMovesOnlyWhenItsVoucherIsSettled) {
  const PacketKey packet = busy_packet();
  EXPECT_EQ(in_wallets(), 0);
  at.expect_balanced();
  EXPECT_EQ(at.settle(), 4U);
  EXPECT_EQ(in_wallets(), at.view(packet)->opened_amount.fen());
  at.expect_balanced();
  EXPECT_EQ(at.settle(), 0U);
}

TEST_F(SettlerTest, EveryVoucherIsSettledOnceAcrossRestartsAtEveryPlace) {
  const PacketKey packet = busy_packet();
  size_t settled = 0;
  while (true) {
    // One voucher a step, and a new Settler for each: it finds its place in the ledger.
    Settler settler(at.orders, at.stream, at.first_ledger, at.control, at.ownership, 1, at.registry);
    ASSERT_TRUE(settler.prepare());
    const size_t step = at.settle_once(settler).value();
    if (step == 0) {
      break;
    }
    settled += step;
    at.expect_balanced();
  }
  EXPECT_EQ(settled, 4U);
  EXPECT_EQ(in_wallets(), at.view(packet)->opened_amount.fen());
}

TEST_F(SettlerTest, TwoSettlersAtTheSamePlaceSettleOnce) {
  const PacketKey packet = busy_packet();
  Settler other(at.orders, at.stream, at.first_ledger, at.control, at.ownership, 64, at.registry);
  ASSERT_TRUE(other.prepare());
  EXPECT_EQ(at.settle_once().value(), 4U);
  EXPECT_EQ(at.settle_once(other).value(), 0U) << "its cursor was elsewhere";
  EXPECT_EQ(at.settle_once(other).value(), 0U) << "and it went there";
  EXPECT_EQ(in_wallets(), at.view(packet)->opened_amount.fen());
  at.opened(packet, "erin");
  EXPECT_EQ(at.settle_once(other).value(), 1U);
}

TEST_F(SettlerTest, ACommitThatFailedAfterTakingEffectIsNotSettledTwice) {
  const PacketKey packet = busy_packet();
  at.ledger.fail_commits(LedgerCommitterOptions{}.commit_tries_max, /*after=*/true);
  // The repeats inside the writer find the cursor moved on; whatever is answered, the money moved once.
  (void)at.settle_once();
  at.ledger.fail_commits(0);
  at.settle();
  EXPECT_EQ(in_wallets(), at.view(packet)->opened_amount.fen());
  at.expect_balanced();
}

TEST_F(SettlerTest, ALedgerThatIsDownOnlyDelays) {
  const PacketKey packet = busy_packet();
  at.ledger.fail_commits(LedgerCommitterOptions{}.commit_tries_max);
  EXPECT_EQ(error_of(at.settle_once()), ErrorCode::kStorage);
  EXPECT_EQ(in_wallets(), 0);
  at.expect_balanced();
  EXPECT_EQ(at.settle(), 4U);
  EXPECT_EQ(in_wallets(), at.view(packet)->opened_amount.fen());
}

TEST_F(SettlerTest, SettlementCanBeSwitchedOffAndCatchesUp) {
  ASSERT_TRUE(at.control.set(Switch::kSettlement, false));
  busy_packet();
  EXPECT_EQ(at.settle(), 0U);
  at.expect_balanced();
  ASSERT_TRUE(at.control.set(Switch::kSettlement, true));
  EXPECT_EQ(at.settle(), 4U);
}

TEST_F(SettlerTest, AFrozenTakerHoldsBackOnlyTheirOwnTransfer) {
  at.set_frozen("carol", true);
  const PacketKey packet = busy_packet();
  EXPECT_EQ(at.settle(), 4U);
  EXPECT_EQ(at.wallet("carol"), 0);
  EXPECT_GT(at.wallet("bob"), 0);
  EXPECT_GT(at.wallet("dave"), 0);
  at.expect_balanced();
  const auto report = at.audit.run(false).value();
  Money deferred;
  for (const ShardAudit& shard : report.shards) {
    deferred += shard.ledger.deferred;
  }
  EXPECT_EQ(deferred.fen(), at.view(packet)->opened_amount.fen() - in_wallets());
}

TEST_F(SettlerTest, AShardWhoseLogCannotBeReadHoldsUpNoOther) {
  const ShardId down = at.shard_ids[0];
  while (at.log(down).empty() || at.log(at.shard_ids[1]).empty()) {
    busy_packet();
  }
  TamperedOrderStore broken(*at.orders.at(down));
  broken.log_is_unreadable = true;
  auto orders = at.orders;
  orders[down] = &broken;
  LogVoucherStream stream(orders);  // nothing was published here: all is asked of the stores
  Settler settler(orders, stream, at.first_ledger, at.control, at.ownership, 64, at.registry);
  MemoryInboxStore inbox;
  InboxFeed feed(orders, stream, inbox, nullptr, at.ownership, 64);

  EXPECT_GT(at.settle_once(settler).value(), 0U);
  EXPECT_GT(feed.step(true).value(), 0U);
  EXPECT_EQ(error_of(at.settle_once(settler)), ErrorCode::kStorage) << "with nothing else to do it is told";
  EXPECT_EQ(error_of(feed.step(true)), ErrorCode::kStorage);
  at.expect_balanced();
  broken.log_is_unreadable = false;
  EXPECT_GT(at.settle_once(settler).value(), 0U);
  EXPECT_GT(feed.step(true).value(), 0U);
  EXPECT_EQ(inbox.cursor(down).value(), at.orders.at(down)->head()->next_voucher);
}

TEST_F(SettlerTest, TheFollowingThreadSettlesWhatShardsPublish) {
  at.settler.start([] { return false; });
  const PacketKey packet = busy_packet();
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (in_wallets() != at.view(packet)->opened_amount.fen() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  at.settler.stop();
  EXPECT_EQ(in_wallets(), at.view(packet)->opened_amount.fen());
}

}  // namespace
}  // namespace hongbao
