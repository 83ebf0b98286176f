// service/archiver.h: which days move, and when.
#include "service/archiver.h"

#include "service/inbox_feed.h"
#include "service/service_fixture.h"
#include "support/memory_inbox_store.h"

namespace hongbao {
namespace {

constexpr ArchiverOptions kOptions{.hot_days = 7, .rows_per_s_max = 20'000};

class ArchiverTest : public ServiceTest {
 protected:
  // A packet that is opened whole.
  PacketKey finished() {
    const PacketKey packet = at.active(lucky(100, 1));
    at.opened(packet, "bob");
    return packet;
  }
  void follow() {
    at.settle();
    InboxFeed feed(at.orders, at.stream, inbox, nullptr, at.ownership, 64);
    ASSERT_TRUE(feed.prepare());
    while (feed.step(/*from_log=*/true).value() > 0) {
    }
  }
  void pass_days(int days) { at.clock.advance(std::chrono::hours(24) * days); }
  DayPlace place(const PacketKey& packet) { return at.orders.at(packet.shard)->days().value().at(0).place; }

  MemoryInboxStore inbox;
  bool busy = false;
  Archiver archiver{at.shards, at.orders, at.use_cases.ledgers,    inbox,
                    at.clock,  kOptions,  [this] { return busy; }, at.registry};
};

TEST_F(ArchiverTest, ADayMovesWhenItIsNoLongerOneOfTheHotDays) {
  const PacketKey packet = finished();
  follow();
  pass_days(6);
  archiver.step();
  EXPECT_EQ(place(packet), DayPlace::kHot);
  pass_days(1);
  archiver.step();
  EXPECT_EQ(place(packet), DayPlace::kCold);
  EXPECT_EQ(archiver.status().moved, 1U);
  EXPECT_FALSE(archiver.status().running);
  EXPECT_EQ(at.view(packet)->state, PacketState::kExhausted);
  at.expect_balanced();
  archiver.step();
  EXPECT_EQ(archiver.status().moved, 0U);
}

TEST_F(ArchiverTest, ADayWaitsForItsActivePackets) {
  const PacketKey packet = at.active(lucky(100, 2));
  at.opened(packet, "bob");
  follow();
  pass_days(30);
  archiver.step();
  EXPECT_EQ(place(packet), DayPlace::kHot);
  EXPECT_EQ(archiver.status().waiting, 1U);
  ASSERT_EQ(at.refund(), 1U);
  follow();
  archiver.step();
  EXPECT_EQ(place(packet), DayPlace::kCold);
  at.expect_balanced();
}

TEST_F(ArchiverTest, ADayWaitsUntilItsVouchersAreSettledAndListed) {
  const PacketKey packet = finished();
  pass_days(30);
  archiver.step();
  EXPECT_EQ(place(packet), DayPlace::kHot);
  at.settle();
  archiver.step();
  EXPECT_EQ(place(packet), DayPlace::kHot) << "the inbox has nothing yet";
  EXPECT_EQ(archiver.status().waiting, 1U);
  follow();
  archiver.step();
  EXPECT_EQ(place(packet), DayPlace::kCold);
}

TEST_F(ArchiverTest, ItStandsStillWhileUsersWaitAndEndsWhenItIsInterrupted) {
  const PacketKey packet = finished();
  follow();
  pass_days(30);
  busy = true;
  std::thread round([this] { archiver.step(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(archiver.status().running);
  archiver.interrupt();
  round.join();
  EXPECT_EQ(place(packet), DayPlace::kHot);
  EXPECT_EQ(archiver.status().failed, 0U);
}

TEST_F(ArchiverTest, AShardThatIsAwayIsLeftAlone) {
  const PacketKey packet = finished();
  follow();
  pass_days(30);
  const ShardSet none;
  Archiver of_another_node(
      none, at.orders, at.use_cases.ledgers, inbox, at.clock, kOptions, [] { return false; }, at.registry);
  of_another_node.step();
  EXPECT_EQ(place(packet), DayPlace::kHot);
}

TEST_F(ArchiverTest, APaymentThatComesAfterItsDayIsColdIsReturned) {
  const PreOrder unpaid = at.sent("alice", lucky(300, 3));
  at.deposit("alice", 1'000);
  PacketKey packet = finished();
  while (packet.shard != unpaid.order.key.shard) {
    packet = finished();
  }
  follow();
  pass_days(30);
  archiver.step();
  EXPECT_EQ(place(packet), DayPlace::kCold);
  at.debit_without_activation(unpaid);
  pass_days(1);
  ASSERT_TRUE(at.reconcile());
  follow();
  EXPECT_EQ(at.wallet("alice"), 1'000);
  const auto parts = [&] { return at.orders.at(packet.shard)->days().value(); };
  ASSERT_EQ(parts().size(), 2U);
  EXPECT_EQ(parts()[1].place, DayPlace::kHot);
  at.expect_balanced();
  archiver.step();
  EXPECT_EQ(parts()[1].place, DayPlace::kCold);
  at.expect_balanced();
}

}  // namespace
}  // namespace hongbao
