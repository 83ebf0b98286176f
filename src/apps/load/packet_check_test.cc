#include "apps/load/packet_check.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "base/crypto.h"

namespace hongbao::load {
namespace {

// A lucky packet of 100 fen in 3 shares, all opened, and everything about it right.
class PacketCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    init_crypto();
    run_.run = "nabc";
    run_.users = 10;
    run_.complete = true;
    Order order;
    order.seed.bytes.fill(9);
    order.rule = Rule::kClassic;
    order.total = Money(100);
    order.count = 3;
    record_.id = seen_.id = "s001-x";
    record_.total = seen_.total = order.total;
    record_.count = seen_.count = order.count;
    record_.commitment = seen_.commitment = to_hex(commitment(order.seed, seen_.id));
    record_.paid = true;
    seen_.seed = to_hex(order.seed.bytes);
    Money left = order.total;
    for (uint32_t seq = 1; seq <= 3; ++seq) {
      const Money amount = draw_share(order, left, seq);
      left -= amount;
      record_.note_share({seq, seq, amount, 10 + seq});
      seen_.shares.push_back({seq, run_.user_name(seq), amount, 10 + seq, false});
    }
    seen_.state = PacketState::kExhausted;
    seen_.opened_count = 3;
    seen_.opened_amount = order.total;
  }

  // Takes the last share away, as if nobody had opened it.
  void expire() {
    seen_.state = PacketState::kExpired;
    seen_.opened_count = 2;
    seen_.opened_amount -= seen_.shares[2].amount;
    seen_.refunded_amount = seen_.shares[2].amount;
    seen_.shares.pop_back();
    record_.shares.pop_back();
  }

  Findings check() {
    Findings findings;
    check_packet(run_, record_, seen_, findings);
    return findings;
  }

  RunRecord run_;
  PacketRecord record_;
  PacketSeen seen_;
};

TEST_F(PacketCheckTest, FindsNothingWrongWithARightPacket) {
  EXPECT_EQ(check().text(), "");
  std::swap(seen_.shares[0], seen_.shares[2]);
  EXPECT_EQ(check().text(), "") << "the list's order does not matter";
  std::swap(seen_.shares[0], seen_.shares[2]);
  expire();
  EXPECT_EQ(check().text(), "");
}

TEST_F(PacketCheckTest, FindsALostAndAChangedShare) {
  expire();
  record_.note_share({5, 3, Money(1), 13});
  EXPECT_EQ(check().count("share_lost"), 1U);
  record_.shares.pop_back();
  record_.shares[0].voucher += 1;
  EXPECT_EQ(check().count("share_changed"), 1U);
}

TEST_F(PacketCheckTest, ALiveCheckMindsOnlyAnsweredShares) {
  const ShareAnswer lost{5, 4, Money(1), 14};
  Findings findings;
  record_.shares.pop_back();
  check_answered(run_, record_, seen_.shares, findings);
  EXPECT_EQ(findings.text(), "") << "a share that was not answered yet";
  record_.note_share(lost);
  check_answered(run_, record_, seen_.shares, findings);
  EXPECT_EQ(findings.count("share_lost"), 1U);
  EXPECT_EQ(findings.count(), 1U);
}

TEST_F(PacketCheckTest, AnUnansweredShareIsAllowedOnlyWhereAnOutcomeIsUnknown) {
  record_.shares.pop_back();
  EXPECT_EQ(check().count("share_unknown"), 1U);
  record_.uncertain = true;
  EXPECT_EQ(check().count(), 0U);
  record_.uncertain = false;
  run_.complete = false;
  EXPECT_EQ(check().count(), 0U);
}

TEST_F(PacketCheckTest, FindsSumsThatDoNotHold) {
  seen_.opened_amount += Money(1);
  EXPECT_EQ(check().count("shares_do_not_sum"), 1U);
  seen_.opened_amount -= Money(1);
  seen_.shares[0].amount += Money(20'000);
  const Findings findings = check();
  EXPECT_EQ(findings.count("share_out_of_bounds"), 1U);
  EXPECT_EQ(findings.count("over_issued"), 1U);
  EXPECT_EQ(findings.count("draw_wrong"), 1U);
}

TEST_F(PacketCheckTest, FindsAWrongRefund) {
  expire();
  seen_.refunded_amount = Money(1'000);
  EXPECT_EQ(check().count("refund_wrong"), 1U);
  seen_.refunded_amount.reset();
  EXPECT_EQ(check().count("refund_wrong"), 1U);
}

TEST_F(PacketCheckTest, FindsAUserWithTwoSharesAndAVoucherWithTwo) {
  seen_.shares[1].user = seen_.shares[0].user;
  seen_.shares[1].voucher = seen_.shares[0].voucher;
  const Findings findings = check();
  EXPECT_EQ(findings.count("opened_twice"), 1U);
  EXPECT_EQ(findings.count("voucher_twice"), 1U);
}

TEST_F(PacketCheckTest, FindsASeedThatIsMissingOrAnother) {
  seen_.seed.reset();
  EXPECT_EQ(check().count("seed_missing"), 1U);
  seen_.seed = std::string(64, '0');
  EXPECT_EQ(check().count("commitment_wrong"), 1U);
}

TEST_F(PacketCheckTest, FindsAnExhaustedAnswerForAPacketThatExpired) {
  expire();
  record_.note_outcome(Outcome::kExhausted);
  EXPECT_EQ(check().count("said_finished"), 1U);
}

TEST_F(PacketCheckTest, FindsALuckiestWhoIsNot) {
  const auto least = std::min_element(seen_.shares.begin(), seen_.shares.end(),
                                      [](const auto& a, const auto& b) { return a.amount < b.amount; });
  least->luckiest = true;
  EXPECT_EQ(check().count("luckiest_wrong"), 1U);
}

TEST(ReadPacket, ReadsTheApisAnswerAndRefusesHalfOfOne) {
  const auto whole = boost::json::parse(
      R"({"id":"s001-x","state":"expired","kind":"lucky","allocation":"fair","total_amount":30,"count":3,
          "opened_count":1,"opened_amount":9,"refunded_amount":21,"commitment":"aa","seed":"bb"})");
  const auto seen = read_packet(whole.as_object());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->state, PacketState::kExpired);
  EXPECT_EQ(seen->rule, Rule::kFair);
  EXPECT_EQ(seen->refunded_amount, Money(21));
  EXPECT_EQ(seen->seed, "bb");
  EXPECT_FALSE(read_packet(boost::json::parse(R"({"id":"s001-x","state":"broken"})").as_object()));
}

TEST(Findings, KeepsTheFirstTenOfAKind) {
  Findings findings;
  for (int i = 0; i < 25; ++i) {
    findings.add("kind", "what");
  }
  EXPECT_EQ(findings.count(), 25U);
  const std::string text = findings.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 11);
}

}  // namespace
}  // namespace hongbao::load
