#include "core/open.h"

#include <gtest/gtest.h>

namespace hongbao::open_test {
namespace {

constexpr Timestamp kNow{1'795'000'000'000};
constexpr Timestamp kExpiry = kNow + std::chrono::minutes(1);
constexpr Timestamp kBefore = kExpiry - std::chrono::milliseconds(1);

const std::optional<Share> kShare = Share{.seq = 2, .amount = Money(7)};

OpenOutcome outcome(MetPacket packet, Timestamp now = kNow) {
  return judge_open(std::move(packet), now).outcome;
}

TEST(JudgeOpenTest, AnActivePacketMayBeOpenedUntilItExpires) {
  EXPECT_EQ(outcome({.expires_at = kExpiry}, kBefore), OpenOutcome::kTicket);
  EXPECT_EQ(outcome({.expires_at = kExpiry}, kExpiry), OpenOutcome::kExpired);
}

TEST(JudgeOpenTest, AFinishedPacketSaysHowItEnded) {
  EXPECT_EQ(outcome({.state = PacketState::kExpired, .expires_at = kExpiry}), OpenOutcome::kExpired);
  EXPECT_EQ(outcome({.state = PacketState::kExhausted, .expires_at = kExpiry}), OpenOutcome::kExhausted);
  EXPECT_EQ(outcome({.state = PacketState::kExhausted, .expires_at = kExpiry}, kExpiry), OpenOutcome::kExhausted);
}

TEST(JudgeOpenTest, WhoeverHasAShareIsToldItWhateverBecameOfThePacket) {
  for (const PacketState state : {PacketState::kActive, PacketState::kExhausted, PacketState::kExpired}) {
    const OpenAnswer answer = judge_open({.state = state, .expires_at = kExpiry, .share = kShare}, kExpiry);
    EXPECT_EQ(answer.outcome, OpenOutcome::kOpened);
    ASSERT_TRUE(answer.share);
    EXPECT_EQ(answer.share->seq, 2U);
    EXPECT_EQ(answer.share->amount, Money(7));
  }
}

TEST(JudgeOpenTest, AnotherUsersPacketSaysNothingOfItsState) {
  for (const PacketState state : {PacketState::kActive, PacketState::kExhausted, PacketState::kExpired}) {
    const MetPacket packet{.state = state, .expires_at = kExpiry, .is_for_user = false};
    EXPECT_EQ(outcome(packet), OpenOutcome::kNotForYou);
    EXPECT_EQ(outcome(packet, kExpiry), OpenOutcome::kNotForYou);
  }
}

TEST(JudgeOpenTest, AnotherGroupsPacketSaysNothingOfItsStateNorWhoItIsFor) {
  for (const PacketState state : {PacketState::kActive, PacketState::kExhausted, PacketState::kExpired}) {
    const MetPacket packet{.state = state, .expires_at = kExpiry, .is_for_user = false, .is_in_group = false};
    EXPECT_EQ(outcome(packet), OpenOutcome::kNotInGroup);
    EXPECT_EQ(outcome(packet, kExpiry), OpenOutcome::kNotInGroup);
  }
  EXPECT_EQ(outcome({.expires_at = kExpiry, .is_in_group = false, .share = kShare}), OpenOutcome::kOpened);
}

TEST(JudgeOpenTest, NothingButAShareCarriesOne) {
  EXPECT_FALSE(judge_open({.expires_at = kExpiry}, kNow).share);
  EXPECT_FALSE(judge_open({.expires_at = kExpiry}, kExpiry).share);
}

}  // namespace
}  // namespace hongbao::open_test
