#include "core/packet.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "base/crypto.h"
#include "core/limits.h"

namespace hongbao {
namespace {

using State = PacketState;
using Event = PacketEvent;

Seed counting_seed() {
  Seed seed;
  for (size_t i = 0; i < seed.bytes.size(); ++i) {
    seed.bytes[i] = static_cast<uint8_t>(i);
  }
  return seed;
}

Order order(Rule rule, int64_t total, uint32_t count) {
  return {.key = {{Region::kSouth, 7}, {20'779}, {5}},
          .sender = UserId::trusted("alice"),
          .kind = rule == Rule::kEqual ? PacketKind::kEqual : PacketKind::kLucky,
          .rule = rule,
          .total = Money(total),
          .count = count,
          .seed = counting_seed()};
}

std::vector<Money> all_shares(const Order& order) {
  std::vector<Money> shares;
  Money remaining = order.total;
  for (uint32_t seq = 1; seq <= order.count; ++seq) {
    shares.push_back(draw_share(order, remaining, seq));
    remaining -= shares.back();
  }
  EXPECT_EQ(remaining, Money(0));
  return shares;
}

TEST(Packet, MovesBetweenStatesByTheTable) {
  constexpr auto kNo = std::nullopt;
  struct Row {
    State from;
    Event event;
    std::optional<State> to;
  };
  const std::vector<Row> rows{
      {State::kAwaitingPayment, Event::kPaid, State::kActive},
      {State::kAwaitingPayment, Event::kPaidLate, State::kExpired},
      {State::kAwaitingPayment, Event::kOpened, kNo},
      {State::kAwaitingPayment, Event::kLastOpened, kNo},
      {State::kAwaitingPayment, Event::kExpired, kNo},
      {State::kActive, Event::kPaid, kNo},
      {State::kActive, Event::kPaidLate, kNo},
      {State::kActive, Event::kOpened, State::kActive},
      {State::kActive, Event::kLastOpened, State::kExhausted},
      {State::kActive, Event::kExpired, State::kExpired},
      {State::kExhausted, Event::kPaid, kNo},
      {State::kExhausted, Event::kPaidLate, kNo},
      {State::kExhausted, Event::kOpened, kNo},
      {State::kExhausted, Event::kLastOpened, kNo},
      {State::kExhausted, Event::kExpired, kNo},
      {State::kExpired, Event::kPaid, kNo},
      {State::kExpired, Event::kPaidLate, kNo},
      {State::kExpired, Event::kOpened, kNo},
      {State::kExpired, Event::kLastOpened, kNo},
      {State::kExpired, Event::kExpired, kNo},
  };
  ASSERT_EQ(rows.size(), static_cast<size_t>(kPacketStates * kPacketEvents)) << "every pair stands in the table";
  std::set<std::pair<State, Event>> seen;
  for (const Row& row : rows) {
    EXPECT_TRUE(seen.insert({row.from, row.event}).second);
    EXPECT_EQ(next_state(row.from, row.event), row.to)
        << to_text(row.from) << " on event " << static_cast<int>(row.event);
  }
}

TEST(Packet, FinishedStatesHaveNoWayOut) {
  for (const State state : {State::kAwaitingPayment, State::kActive, State::kExhausted, State::kExpired}) {
    bool has_way_out = false;
    for (int event = 1; event <= kPacketEvents; ++event) {
      has_way_out = has_way_out || next_state(state, static_cast<Event>(event)).has_value();
    }
    EXPECT_EQ(is_finished(state), !has_way_out) << to_text(state);
  }
}

TEST(Packet, NamesRoundTrip) {
  for (const PacketKind kind : {PacketKind::kLucky, PacketKind::kEqual, PacketKind::kExclusive}) {
    EXPECT_EQ(parse_packet_kind(to_text(kind)), kind);
  }
  for (const Rule rule : {Rule::kClassic, Rule::kFair, Rule::kEqual}) {
    EXPECT_EQ(parse_rule(to_text(rule)), rule);
  }
  for (const char* text : {"", "Lucky", "lucky ", "random"}) {
    EXPECT_FALSE(parse_packet_kind(text)) << text;
    EXPECT_FALSE(parse_rule(text)) << text;
  }
  EXPECT_EQ(to_text(State::kAwaitingPayment), "awaiting_payment");
  EXPECT_EQ(to_text(State::kActive), "active");
  EXPECT_EQ(to_text(State::kExhausted), "exhausted");
  EXPECT_EQ(to_text(State::kExpired), "expired");
}

// The answers of Python's hashlib: blake2b(seed + id, digest_size=32) and
// blake2b(k.to_bytes(8, "little"), key=seed, digest_size=32) with seed = bytes(range(32)).
TEST(Draw, GivesTheKnownAnswers) {
  EXPECT_EQ(to_hex(commitment(counting_seed(), "s007-261122-01000003k-4qz8mn2r")),
            "b17afbb23119d1d77358c60d9b0735bf66154c5b70890f095990b64eddc9db70");
  struct Row {
    uint32_t seq;
    uint64_t draw;
    uint64_t rounding;
  };
  for (const Row& row : std::vector<Row>{{1, 0x4e5b5d9d6126f26b, 0x0b59667035a47012},
                                         {2, 0x33452f69f37e79d6, 0xcb52722703a86dc5},
                                         {100'000, 0x48d1502615f9ed15, 0x4059a1ac04edf906}}) {
    const DrawWords words = draw_words(counting_seed(), row.seq);
    EXPECT_EQ(words.draw, row.draw) << row.seq;
    EXPECT_EQ(words.rounding, row.rounding) << row.seq;
  }
}

TEST(Draw, TheCommitmentBindsSeedAndId) {
  const Hash256 made = commitment(counting_seed(), "id");
  Seed other = counting_seed();
  other.bytes[31] ^= 1;
  EXPECT_NE(commitment(other, "id"), made);
  EXPECT_NE(commitment(counting_seed(), "ie"), made);
}

TEST(Draw, SharesDependOnNothingButTheSeed) {
  for (const Rule rule : {Rule::kClassic, Rule::kFair, Rule::kEqual}) {
    Order a = order(rule, 12'345, 100);
    Order b = a;
    b.key.local.value += 1;
    b.sender = UserId::trusted("bob");
    b.paid_at = {77};
    EXPECT_EQ(all_shares(a), all_shares(b));
    EXPECT_EQ(all_shares(a), all_shares(a)) << "a draw repeated after a crash gives the same amount";
    b.seed.bytes[0] ^= 1;
    if (rule != Rule::kEqual) {
      EXPECT_NE(all_shares(a), all_shares(b));
    }
  }
}

TEST(Draw, EveryShareIsWithinTheLimits) {
  for (const Rule rule : {Rule::kClassic, Rule::kFair, Rule::kEqual}) {
    for (const int64_t total : {100, 101, 5'000, 1'999'999, 2'000'000}) {
      for (const Money share : all_shares(order(rule, total, 100))) {
        ASSERT_TRUE(kShareLeast <= share && share <= kShareGreatest) << share.fen();
      }
    }
  }
}

TEST(Draw, UsesTheRuleOfTheOrder) {
  const Order classic = order(Rule::kClassic, 1'000, 10);
  const DrawWords words = draw_words(classic.seed, 1);
  const ShareBounds bounds{kShareLeast, kShareGreatest};
  EXPECT_EQ(draw_share(classic, Money(1'000), 1), classic_share(Money(1'000), 10, bounds, words.draw));
  EXPECT_EQ(draw_share(order(Rule::kFair, 1'000, 10), Money(1'000), 1), fair_share(Money(1'000), 10, bounds, words));
  EXPECT_EQ(draw_share(order(Rule::kEqual, 1'003, 10), Money(1'003), 3), Money(101));
  EXPECT_EQ(draw_share(order(Rule::kEqual, 1'003, 10), Money(801), 4), Money(100));
}

TEST(DrawDeathTest, ASeqOutsideTheOrderStopsTheProcess) {
  EXPECT_DEATH(draw_share(order(Rule::kEqual, 10, 2), Money(10), 0), "seq");
  EXPECT_DEATH(draw_share(order(Rule::kEqual, 10, 2), Money(10), 3), "seq");
}

}  // namespace
}  // namespace hongbao
