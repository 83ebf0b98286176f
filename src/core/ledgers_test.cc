#include "core/ledgers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace hongbao {
namespace {

using testing::ElementsAre;

TEST(LedgersTest, AnIdIsReadAsItIsPrinted) {
  EXPECT_EQ(to_text(LedgerId{Region::kNorth, 12}), "n12");
  for (const LedgerId ledger : Ledgers(Ledgers::kCountMax, Ledgers::kCountMax).all()) {
    EXPECT_EQ(parse_ledger_id(to_text(ledger)), ledger);
  }
  for (const char* text : {"", "s", "x0", "S0", "s00", "s-1", "s16", "s0 ", "s256", "0"}) {
    EXPECT_FALSE(parse_ledger_id(text)) << text;
  }
}

TEST(LedgersTest, AWalletIsInOneOfItsHomesLedgers) {
  const Ledgers ledgers(3, 1);
  EXPECT_THAT(ledgers.all(), ElementsAre(LedgerId{Region::kSouth, 0}, LedgerId{Region::kSouth, 1},
                                         LedgerId{Region::kSouth, 2}, LedgerId{Region::kNorth, 0}));
  std::array<int, 3> users{};
  for (int i = 0; i < 3'000; ++i) {
    const UserId user = UserId::trusted("user-" + std::to_string(i));
    const LedgerId wallet = ledgers.of(user, Region::kSouth);
    EXPECT_TRUE(ledgers.has(wallet));
    EXPECT_EQ(wallet.region, Region::kSouth);
    ++users.at(wallet.number);
    EXPECT_EQ(ledgers.of(user, Region::kNorth), (LedgerId{Region::kNorth, 0}));
  }
  EXPECT_THAT(users, testing::Each(testing::AllOf(testing::Gt(900), testing::Lt(1'100))));
}

TEST(LedgersTest, AUsersLedgerNeverChanges) {
  const Ledgers ledgers(16, 0);
  EXPECT_EQ(to_text(ledgers.of(UserId::trusted("alice"), Region::kSouth)), "s15");
  EXPECT_EQ(to_text(ledgers.of(UserId::trusted("bob"), Region::kSouth)), "s2");
}

TEST(LedgersTest, AnEscrowIsInOneOfItsRegionsLedgers) {
  const Ledgers ledgers(2, 3);
  EXPECT_EQ(ledgers.of(ShardId{Region::kSouth, 7}), (LedgerId{Region::kSouth, 1}));
  EXPECT_EQ(ledgers.of(ShardId{Region::kNorth, 8}), (LedgerId{Region::kNorth, 2}));
  EXPECT_EQ(Ledgers().of(ShardId{Region::kSouth, 7}), LedgerId{});
}

}  // namespace
}  // namespace hongbao
