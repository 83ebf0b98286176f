#include "shard/gate.h"

#include <gtest/gtest.h>

#include <thread>

namespace hongbao::gate_test {
namespace {

constexpr Timestamp kNow{1'000'000};
constexpr Timestamp kExpiry{2'000'000};

UserId user(uint32_t number) {
  return UserId::trusted("user" + std::to_string(number));
}

class GateTest : public testing::Test {
 protected:
  PacketRef add(uint32_t count, PacketKind kind = PacketKind::kLucky) {
    StoredPacket stored;
    stored.order = {.key = {{Region::kSouth, 0}, Day{20'000}, LocalNo{++local_}},
                    .sender = user(0),
                    .recipient = kind == PacketKind::kExclusive ? user(7) : UserId(),
                    .kind = kind,
                    .total = Money(int64_t{count} * 10),
                    .count = count,
                    .expires_at = kExpiry};
    const PacketRef packet(new ResidentPacket(stored));
    table_.insert(packet);
    return packet;
  }

  static void open(ResidentPacket& packet, uint32_t number) {
    const uint32_t seq = packet.shares().appended() + 1;
    packet.append({seq, user(number), Money(10), kNow, VoucherNo{seq}});
    packet.advance(seq == packet.count() ? PacketEvent::kLastOpened : PacketEvent::kOpened);
  }

  OpenOutcome look(const ResidentPacket& packet, uint32_t number, Timestamp now = kNow) {
    return gate_.look(packet.key(), user(number), now).value().outcome;
  }

  PacketTable table_;
  PacketGate gate_{table_, 2};
  uint64_t local_ = 0;
};

TEST_F(GateTest, KnowsOnlyResidentPackets) {
  const PacketKey unknown{{Region::kSouth, 0}, Day{1}, LocalNo{1}};
  EXPECT_FALSE(gate_.look(unknown, user(1), kNow));
  OpenPermit permit;
  EXPECT_FALSE(gate_.enter(unknown, user(1), kNow, permit)) << "the shard has to decide";
}

TEST_F(GateTest, AnswersFromWhatIsPublished) {
  const auto packet = add(2);
  EXPECT_EQ(look(*packet, 1), OpenOutcome::kTicket);
  open(*packet, 1);
  EXPECT_EQ(look(*packet, 1), OpenOutcome::kTicket);
  packet->publish();
  EXPECT_EQ(look(*packet, 1), OpenOutcome::kOpened);
  EXPECT_EQ(look(*packet, 2), OpenOutcome::kTicket);
  open(*packet, 2);
  packet->publish();
  EXPECT_EQ(look(*packet, 3), OpenOutcome::kExhausted);
  EXPECT_EQ(gate_.look(packet->order().key, user(2), kNow)->share->amount, Money(10));
}

TEST_F(GateTest, ExpiryAndRecipient) {
  const auto packet = add(2);
  packet->advance(PacketEvent::kExpired);
  packet->publish();
  EXPECT_EQ(look(*packet, 1, kExpiry), OpenOutcome::kExpired);
  const auto exclusive = add(1, PacketKind::kExclusive);
  EXPECT_EQ(look(*exclusive, 1), OpenOutcome::kNotForYou);
  EXPECT_EQ(look(*exclusive, 7), OpenOutcome::kTicket);
}

TEST_F(GateTest, APacketOfAGroupIsForItsMembersAndItsSender) {
  StoredPacket stored;
  stored.order = {.key = {{Region::kSouth, 0}, Day{20'000}, LocalNo{++local_}},
                  .sender = user(0),
                  .group = GroupId::trusted("family"),
                  .total = Money(30),
                  .count = 3,
                  .expires_at = kExpiry};
  const PacketRef packet(new ResidentPacket(stored));
  table_.insert(packet);
  EXPECT_EQ(packet->order(), stored.order);
  const auto in = [](const char* group) {
    return Asker(user(1), std::make_shared<const Groups>(std::vector{GroupId::trusted(group)}));
  };
  const auto entered = [&](const Asker& asker) {
    OpenPermit permit;
    const auto answer = gate_.enter(packet->key(), asker, kNow, permit);
    return answer ? (*answer)->outcome : OpenOutcome::kTicket;
  };
  for (const auto& [asker, outcome] : {std::pair(Asker(user(0)), OpenOutcome::kTicket),
                                       {in("family"), OpenOutcome::kTicket},
                                       {in("friends"), OpenOutcome::kNotInGroup},
                                       {Asker(user(1)), OpenOutcome::kNotInGroup}}) {
    EXPECT_EQ(gate_.look(packet->key(), asker, kNow)->outcome, outcome);
    EXPECT_EQ(gate_.look_behind(packet->key(), asker, kNow)->outcome, outcome);
    EXPECT_EQ(entered(asker), outcome);
    EXPECT_EQ(packet->may_be_seen_by(asker), outcome == OpenOutcome::kTicket);
  }
  open(*packet, 1);
  packet->publish();
  EXPECT_EQ(look(*packet, 1), OpenOutcome::kOpened) << "who has left keeps the share, and is told of it";
  EXPECT_FALSE(packet->may_be_seen_by(user(1)));
}

TEST_F(GateTest, NobodyIsTooLateByTheClockAloneWhoseOpenMayBeOnItsWay) {
  const auto packet = add(2);
  open(*packet, 1);  // in time, and not committed yet
  EXPECT_FALSE(gate_.look(packet->key(), user(1), kExpiry)) << "the shard knows";
  EXPECT_EQ(gate_.look_behind(packet->key(), user(2), kExpiry)->outcome, OpenOutcome::kExpired);
  OpenPermit permit;
  EXPECT_FALSE(gate_.enter(packet->key(), user(1), kExpiry, permit));
  packet->publish();
  EXPECT_EQ(look(*packet, 1, kExpiry), OpenOutcome::kOpened);
}

TEST_F(GateTest, BoundsHowManyOpensAreOnTheirWay) {
  const auto packet = add(10);
  OpenPermit first;
  OpenPermit second;
  OpenPermit third;
  const PacketKey key = packet->order().key;
  EXPECT_FALSE(gate_.enter(key, user(1), kNow, first));
  EXPECT_FALSE(gate_.enter(key, user(2), kNow, second));
  EXPECT_EQ(gate_.enter(key, user(3), kNow, third).value().error().code, ErrorCode::kPacketBusy);
  EXPECT_EQ(packet->opens_in_flight.load(), 2U);
  first = OpenPermit();
  EXPECT_FALSE(gate_.enter(key, user(3), kNow, third));
  second = OpenPermit();
  third = OpenPermit();
  EXPECT_EQ(packet->opens_in_flight.load(), 0U);
}

TEST_F(GateTest, ReadersFollowAWriterWithoutSeeingHalfAShare) {
  constexpr uint32_t kShares = 20'000;
  const auto packet = add(kShares);
  std::thread writer([&] {
    for (uint32_t i = 0; i < kShares; ++i) {
      open(*packet, i);
      if (i % 7 == 0) {
        packet->publish();
      }
    }
    packet->publish();
  });
  std::vector<std::thread> readers;
  for (uint32_t t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      for (uint32_t i = t; packet->published_state() == PacketState::kActive; i = (i + 13) % kShares) {
        const auto answer = gate_.look(packet->order().key, user(i), kNow);
        if (answer->outcome == OpenOutcome::kOpened) {
          ASSERT_EQ(answer->share->seq, i + 1);
          ASSERT_EQ(answer->share->amount, Money(10));
        }
        const uint32_t seen = packet->shares().published();
        if (seen > 0) {
          ASSERT_EQ(packet->shares().sum(seen), Money(int64_t{seen} * 10));
        }
      }
    });
  }
  writer.join();
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_EQ(look(*packet, kShares - 1), OpenOutcome::kOpened);
  EXPECT_EQ(look(*packet, kShares), OpenOutcome::kExhausted);
}

}  // namespace
}  // namespace hongbao::gate_test
