#include "shard/engine.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <map>
#include <vector>

namespace hongbao {
namespace {

using namespace std::chrono_literals;

constexpr ShardId kShard{Region::kSouth, 1};
constexpr Timestamp kNow{1'795'000'000'000};

UserId user(uint32_t number) {
  return UserId::trusted("user" + std::to_string(number));
}

// The engine with a store that is a map: what it asks for is loaded, what it writes is kept at `commit`.
class EngineTest : public testing::Test {
 protected:
  EngineTest() { engine_.start({1, VoucherNo{1}}); }

  ShardAnswer decide(const Command& command, Timestamp now = kNow) {
    auto answer = engine_.decide(command, now);
    if (!answer) {
      const auto it = stored_.find(packet_of(command));
      EXPECT_TRUE(engine_.loaded(packet_of(command),
                                 it == stored_.end() ? std::nullopt : std::optional<StoredPacket>(it->second)));
      answer = engine_.decide(command, now);
    }
    return answer.value();
  }

  void commit() {
    const CommitBatch& batch = engine_.batch();
    for (const Order& order : batch.activated) {
      stored_[order.key] = {order, PacketState::kActive, {}, {}};
    }
    for (const Voucher& voucher : batch.vouchers) {
      EXPECT_EQ(voucher.no.value, ++last_voucher_);
      if (voucher.kind == VoucherKind::kOpened) {
        stored_.at(voucher.packet).opened.push_back(voucher);
      } else if (voucher.kind == VoucherKind::kRefunded) {
        stored_.at(voucher.packet).refunded = voucher;
      }
    }
    for (const auto& finished : batch.finished) {
      stored_.at(finished.packet).state = finished.state;
    }
    engine_.committed();
  }

  Order order(uint32_t count, Money total, PacketKind kind = PacketKind::kLucky) {
    return {.key = {kShard, Day::of(kNow), LocalNo::of(1, ++last_local_)},
            .sender = user(0),
            .recipient = kind == PacketKind::kExclusive ? user(7) : UserId(),
            .kind = kind,
            .rule = kind == PacketKind::kLucky ? Rule::kClassic : Rule::kEqual,
            .total = total,
            .count = count,
            .created_at = kNow,
            .payable_until = kNow + 1min};
  }

  PacketKey activated(const Order& made) {
    EXPECT_EQ(decide(ActivateCommand{made}).outcome, ShardOutcome::kDone);
    commit();
    return made.key;
  }

  PacketTable table_;
  ShardEngine engine_{kShard, table_, {.packet_ttl = 10min, .resident_bytes_max = 1 << 20}};
  std::map<PacketKey, StoredPacket> stored_;
  uint64_t last_voucher_ = 0;
  uint32_t last_local_ = 0;
};

TEST_F(EngineTest, ActivatesOnce) {
  const Order made = order(3, Money(30));
  activated(made);
  EXPECT_EQ(decide(ActivateCommand{made}).outcome, ShardOutcome::kDone);
  EXPECT_TRUE(engine_.batch().vouchers.empty());
}

TEST_F(EngineTest, APaymentAfterTheOrderLapsedIsReturnedInTheSameCommit) {
  const Order made = order(3, Money(30));
  EXPECT_EQ(decide(ActivateCommand{made}, kNow + 2min).outcome, ShardOutcome::kReturned);
  ASSERT_EQ(engine_.batch().vouchers.size(), 2U);
  EXPECT_EQ(engine_.batch().vouchers[0].kind, VoucherKind::kPaid);
  EXPECT_EQ(engine_.batch().vouchers[1].kind, VoucherKind::kRefunded);
  EXPECT_EQ(engine_.batch().vouchers[1].amount, Money(30));
  commit();
  EXPECT_EQ(decide(OpenCommand{made.key, user(1)}).open.outcome, OpenOutcome::kExpired);
  // Asked again, it says the same, and returns the money once.
  EXPECT_EQ(decide(ActivateCommand{made}, kNow).outcome, ShardOutcome::kReturned);
  EXPECT_TRUE(engine_.batch().vouchers.empty());
}

TEST_F(EngineTest, OpenTwiceReturnsTheSameShare) {
  const PacketKey key = activated(order(3, Money(30)));
  const auto first = decide(OpenCommand{key, user(1)}).open.share;
  const auto in_the_same_batch = decide(OpenCommand{key, user(1)}).open.share;
  commit();
  const auto later = decide(OpenCommand{key, user(1)}).open.share;
  EXPECT_EQ(first->voucher, in_the_same_batch->voucher);
  EXPECT_EQ(first->voucher, later->voucher);
  EXPECT_EQ(stored_.at(key).opened.size(), 1U);
}

TEST_F(EngineTest, DrawsAgainTheSameAfterABatchIsForgotten) {
  const PacketKey key = activated(order(5, Money(500)));
  const auto first = decide(OpenCommand{key, user(1)}).open.share;
  engine_.start({2, VoucherNo{last_voucher_ + 1}});
  const auto again = decide(OpenCommand{key, user(2)}).open.share;
  EXPECT_EQ(again->amount, first->amount);  // a function of the seed and the position, not of who asks
  EXPECT_EQ(again->seq, 1U);
  EXPECT_EQ(engine_.batch().epoch, 2U);
}

TEST_F(EngineTest, APacketOfAGroupIsForItsMembersAndItsSender) {
  Order made = order(2, Money(50));
  made.group = GroupId::trusted("family");
  const PacketKey key = activated(made);
  const auto family = std::make_shared<const Groups>(std::vector{made.group});
  EXPECT_EQ(decide(OpenCommand{key, user(1)}).open.outcome, OpenOutcome::kNotInGroup);
  EXPECT_EQ(decide(OpenCommand{key, {user(1), family}}).open.share->seq, 1U);
  EXPECT_EQ(decide(OpenCommand{key, user(1)}).open.share->seq, 1U) << "who has left keeps the share";
  EXPECT_EQ(decide(OpenCommand{key, made.sender}).open.share->seq, 2U);
}

TEST_F(EngineTest, APacketStandsOnThePaymentThatCameFirst) {
  const Order made = order(3, Money(30));
  const LedgerId first{Region::kNorth, 1};
  EXPECT_EQ(decide(ActivateCommand{made, first}).outcome, ShardOutcome::kDone);
  commit();
  EXPECT_TRUE(decide(ActivateCommand{made, {Region::kSouth, 0}}).stands_on_another);
  EXPECT_TRUE(decide(ActivateCommand{made, {Region::kNorth, 0}}).stands_on_another);
  EXPECT_FALSE(decide(ActivateCommand{made, first}).stands_on_another);
  EXPECT_TRUE(engine_.batch().vouchers.empty());
  // Also of one that came too late and went back.
  const Order late = order(3, Money(30));
  EXPECT_EQ(decide(ActivateCommand{late, first}, kNow + 2min).outcome, ShardOutcome::kReturned);
  commit();
  for (const LedgerId ledger : {LedgerId{Region::kSouth, 0}, first}) {
    const ShardAnswer answer = decide(ActivateCommand{late, ledger});
    EXPECT_EQ(answer.outcome, ShardOutcome::kReturned);
    EXPECT_EQ(answer.stands_on_another, ledger != first);
  }
}

TEST_F(EngineTest, VouchersSayWhereTheirUsersAreAtHomeAndWhereThePacketWasPaid) {
  Order made = order(3, Money(50));
  made.sender_home = Region::kNorth;
  const LedgerId paid_in{Region::kNorth, 2};
  EXPECT_EQ(decide(ActivateCommand{made, paid_in}).outcome, ShardOutcome::kDone);
  EXPECT_EQ(engine_.batch().vouchers.at(0).home, Region::kNorth);
  EXPECT_EQ(engine_.batch().vouchers.at(0).paid_in, paid_in);
  commit();
  decide(OpenCommand{made.key, {user(1), nullptr, Region::kNorth}});
  decide(OpenCommand{made.key, user(2)});
  EXPECT_EQ(engine_.batch().vouchers.at(0).home, Region::kNorth) << "as the taker's token says";
  EXPECT_EQ(engine_.batch().vouchers.at(1).home, Region::kSouth) << "not as the sender's does";
  commit();
  decide(RefundCommand{made.key}, kNow + 10min);
  EXPECT_EQ(engine_.batch().vouchers.at(0).kind, VoucherKind::kRefunded);
  EXPECT_EQ(engine_.batch().vouchers.at(0).home, Region::kNorth) << "as the sender was when it was ordered";
}

TEST_F(EngineTest, AnExclusivePacketIsForItsRecipientOnly) {
  const PacketKey key = activated(order(1, Money(88), PacketKind::kExclusive));
  EXPECT_EQ(decide(OpenCommand{key, user(1)}).open.outcome, OpenOutcome::kNotForYou);
  EXPECT_EQ(decide(OpenCommand{key, user(0)}).open.outcome, OpenOutcome::kNotForYou);
  EXPECT_EQ(decide(OpenCommand{key, user(7)}).open.share->amount, Money(88));
}

TEST_F(EngineTest, NothingOpensFromExpiryOnAndTakersKeepTheirShares) {
  const PacketKey key = activated(order(3, Money(30)));
  const auto share = decide(OpenCommand{key, user(1)}).open.share;
  EXPECT_EQ(decide(OpenCommand{key, user(2)}, kNow + 10min).open.outcome, OpenOutcome::kExpired);
  EXPECT_EQ(decide(OpenCommand{key, user(1)}, kNow + 10min).open.share->amount, share->amount);
}

TEST_F(EngineTest, RefundsWhatIsUnclaimedOnceAndNotBeforeExpiry) {
  const PacketKey key = activated(order(3, Money(30)));
  const auto share = decide(OpenCommand{key, user(1)}).open.share;
  EXPECT_EQ(decide(RefundCommand{key}, kNow + 10min - 1ms).outcome, ShardOutcome::kNotDue);
  EXPECT_EQ(decide(RefundCommand{key}, kNow + 10min).outcome, ShardOutcome::kDone);
  commit();
  EXPECT_EQ(stored_.at(key).refunded->amount, Money(30) - share->amount);
  EXPECT_EQ(stored_.at(key).state, PacketState::kExpired);
  EXPECT_EQ(decide(RefundCommand{key}, kNow + 20min).outcome, ShardOutcome::kDone);
  EXPECT_TRUE(engine_.batch().vouchers.empty());
  // Not even when the clock jumps back.
  EXPECT_EQ(decide(OpenCommand{key, user(2)}, kNow).open.outcome, OpenOutcome::kExpired);
}

TEST_F(EngineTest, AnExhaustedPacketIsNotRefunded) {
  const PacketKey key = activated(order(1, Money(5)));
  decide(OpenCommand{key, user(1)});
  commit();
  EXPECT_EQ(decide(RefundCommand{key}, kNow + 1h).outcome, ShardOutcome::kDone);
  EXPECT_TRUE(engine_.batch().vouchers.empty());
}

TEST_F(EngineTest, APacketThatIsNotStoredIsAbsent) {
  const Order never_paid = order(3, Money(30));
  EXPECT_EQ(decide(OpenCommand{never_paid.key, user(1)}).outcome, ShardOutcome::kAbsent);
  EXPECT_EQ(decide(LoadCommand{never_paid.key}).outcome, ShardOutcome::kAbsent);
}

TEST_F(EngineTest, ReadersSeeNothingBeforeTheCommit) {
  const Order made = order(2, Money(10));
  decide(ActivateCommand{made});
  EXPECT_EQ(table_.find(made.key)->published_state(), PacketState::kAwaitingPayment);
  commit();
  decide(OpenCommand{made.key, user(1)});
  EXPECT_FALSE(table_.find(made.key)->shares().find_published(user(1)));
  commit();
  EXPECT_TRUE(table_.find(made.key)->shares().find_published(user(1)));
}

TEST_F(EngineTest, EvictsWithinItsMemoryLimitAndLoadsAgain) {
  std::vector<PacketKey> keys;
  for (int i = 0; i < 3'000; ++i) {
    keys.push_back(activated(order(10, Money(1'000))));
    decide(OpenCommand{keys.back(), user(1)});
    commit();
    EXPECT_LE(engine_.resident_bytes(), 1U << 20);
  }
  EXPECT_LT(engine_.resident_packets(), keys.size());
  for (const PacketKey& key : keys) {
    EXPECT_EQ(decide(OpenCommand{key, user(1)}).open.share->seq, 1U);
  }
}

TEST_F(EngineTest, WhatIsNotCommittedIsNotEvicted) {
  const PacketKey key = activated(order(2'000, Money(200'000)));
  decide(OpenCommand{key, user(1)});
  for (int i = 0; i < 3'000; ++i) {
    decide(ActivateCommand{order(10, Money(1'000))});
  }
  EXPECT_NE(table_.find(key), nullptr);
  commit();
  EXPECT_LE(engine_.resident_bytes(), 1U << 20);
}

// Each of these rows is one that a damaged file may give. None may stop the process.
TEST_F(EngineTest, APacketWhoseRowsAreDamagedIsRefused) {
  const Order whole = order(3, Money(300));
  decide(ActivateCommand{whole});
  decide(OpenCommand{whole.key, user(1)});
  commit();
  const StoredPacket sound = stored_.at(whole.key);
  ASSERT_EQ(broken_rule(sound), std::nullopt);
  const std::vector<std::function<void(StoredPacket&)>> damages{
      [](StoredPacket& p) { p.state = PacketState::kExhausted; },
      [](StoredPacket& p) { p.state = PacketState::kExpired; },
      [](StoredPacket& p) { p.state = PacketState::kAwaitingPayment; },
      [](StoredPacket& p) { p.state = static_cast<PacketState>(9); },
      [](StoredPacket& p) { p.opened.push_back(p.opened[0]); },
      [](StoredPacket& p) { p.opened[0].seq = 2; },
      [](StoredPacket& p) { p.opened[0].amount = Money(0); },
      [](StoredPacket& p) { p.opened[0].amount = Money(299); },
      [](StoredPacket& p) { p.opened[0].amount = Money(INT64_MAX); },
      [](StoredPacket& p) { p.opened[0].amount = Money(INT64_MIN); },
      [](StoredPacket& p) { p.opened[0].at = {-1}; },
      [](StoredPacket& p) { p.opened[0].no.value = 1ULL << 48; },
      [](StoredPacket& p) { p.opened[0].user = UserId(); },
      [](StoredPacket& p) { p.opened.resize(4, p.opened[0]); },
      [](StoredPacket& p) { p.refunded = p.opened[0]; },
      [](StoredPacket& p) { p.order.total = Money(INT64_MAX); },
      [](StoredPacket& p) { p.order.total = Money(2); },
      [](StoredPacket& p) { p.order.count = 0; },
      [](StoredPacket& p) { p.order.count = UINT32_MAX; },
      [](StoredPacket& p) { p.order.kind = static_cast<PacketKind>(0); },
      [](StoredPacket& p) { p.order.kind = PacketKind::kExclusive; },
      [](StoredPacket& p) { p.order.rule = static_cast<Rule>(200); },
      [](StoredPacket& p) { p.order.rule = Rule::kEqual; },
      [](StoredPacket& p) { p.order.sender = UserId(); },
      [](StoredPacket& p) { p.order.expires_at = {-1}; },
      [](StoredPacket& p) { p.order.created_at = {INT64_MAX}; },
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    StoredPacket damaged = sound;
    damages[i](damaged);
    engine_.start({1, VoucherNo{last_voucher_ + 1}});
    const auto loaded = engine_.loaded(whole.key, damaged);
    ASSERT_FALSE(loaded) << i;
    EXPECT_EQ(loaded.error().code, ErrorCode::kStorage) << i;
  }
}

// Random commands, commits and forgotten batches over a few packets; the store must stay consistent, and every share
// that was committed must stay as it was.
RC_GTEST_FIXTURE_PROP(EngineTest, KeepsEveryPacketsSumUnderRandomCommands, ()) {
  std::vector<Order> orders;
  for (int i = 0; i < 3; ++i) {
    const auto count = *rc::gen::inRange<uint32_t>(1, 30);
    orders.push_back(order(count, Money(*rc::gen::inRange<int64_t>(count, int64_t{count} * 300))));
  }
  Timestamp now = kNow;
  const int steps = *rc::gen::inRange(1, 200);
  for (int i = 0; i < steps; ++i) {
    const Order& target = orders[*rc::gen::inRange<size_t>(0, orders.size())];
    switch (*rc::gen::inRange(0, 12)) {
      case 0:
        decide(ActivateCommand{target}, now);
        break;
      case 1:
        decide(RefundCommand{target.key}, now);
        break;
      case 2:
        now = now + std::chrono::seconds(*rc::gen::inRange(-60, 200));
        break;
      case 3:
        engine_.start({1, VoucherNo{last_voucher_ + 1}});
        break;
      case 4:
      case 5:
        commit();
        break;
      default:
        decide(OpenCommand{target.key, user(*rc::gen::inRange<uint32_t>(0, 40))}, now);
    }
  }
  commit();
  for (const auto& [key, packet] : stored_) {
    Money sum = packet.refunded ? packet.refunded->amount : Money(0);
    for (const Voucher& voucher : packet.opened) {
      RC_ASSERT(voucher.amount >= Money(1) && voucher.amount <= Money(20'000));
      sum += voucher.amount;
    }
    RC_ASSERT(packet.opened.size() <= packet.order.count);
    const bool balanced = is_finished(packet.state) ? sum == packet.order.total : sum < packet.order.total;
    RC_ASSERT(balanced);
  }
}

}  // namespace
}  // namespace hongbao
