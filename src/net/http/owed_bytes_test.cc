#include "net/http/owed_bytes.h"

#include <gtest/gtest.h>

namespace hongbao::owed_bytes_test {
namespace {

using Room = OwedBytes::Room;

const auto kAlice = boost::asio::ip::make_address("192.0.2.1");
const auto kBob = boost::asio::ip::make_address("192.0.2.2");
constexpr int64_t kLarge = OwedBytes::kLargeAnswer + 1;

TEST(OwedBytes, AConnectionThatIsOwedNothingMayHaveOneAnswerOfAnySize) {
  OwedBytes owed({.connection_max = 10, .address_max = 1'000'000, .all_max = 1'000'000});
  OwedBytes::Account account(owed, kAlice);
  EXPECT_EQ(account.room_for(400'000), Room::kYes);
  account.add(400'000);
  EXPECT_EQ(account.room_for(1), Room::kLater);
  account.take(400'000);
  EXPECT_EQ(account.room_for(1), Room::kYes);
}

TEST(OwedBytes, AConnectionWaitsAtItsOwnLimit) {
  OwedBytes owed({.connection_max = 10, .address_max = 100, .all_max = 100});
  OwedBytes::Account account(owed, kAlice);
  account.add(6);
  EXPECT_EQ(account.room_for(4), Room::kYes);
  EXPECT_EQ(account.room_for(5), Room::kLater);
}

TEST(OwedBytes, WhatOthersOfAnAddressAreOwedLeavesNoRoom) {
  OwedBytes owed({.connection_max = 100, .address_max = 10, .all_max = 100});
  OwedBytes::Account first(owed, kAlice);
  OwedBytes::Account second(owed, kAlice);
  OwedBytes::Account stranger(owed, kBob);
  OwedBytes::Account proxy(owed, std::nullopt);
  first.add(10);
  EXPECT_EQ(second.room_for(1), Room::kNo);
  EXPECT_EQ(first.room_for(1), Room::kLater);
  EXPECT_EQ(stranger.room_for(10), Room::kYes);
  EXPECT_EQ(proxy.room_for(20), Room::kYes);
  first.clear();
  EXPECT_EQ(second.room_for(1), Room::kYes);
}

TEST(OwedBytes, AllTogetherHaveALimit) {
  OwedBytes owed({.connection_max = 100, .address_max = 100, .all_max = 10});
  OwedBytes::Account proxy(owed, std::nullopt);
  OwedBytes::Account bob(owed, kBob);
  proxy.add(10);
  EXPECT_EQ(bob.room_for(1), Room::kNo);
}

TEST(OwedBytes, LargeAnswersLeaveHalfToSmallOnes) {
  OwedBytes owed({.connection_max = 10 * kLarge, .address_max = 4 * kLarge, .all_max = 100 * kLarge});
  OwedBytes::Account first(owed, kAlice);
  OwedBytes::Account second(owed, kAlice);
  first.add(2 * kLarge);
  EXPECT_EQ(second.room_for(kLarge), Room::kNo);
  EXPECT_EQ(second.room_for(kLarge - 1), Room::kYes);
}

TEST(OwedBytes, AnAccountThatEndsOwesNothingAnyMore) {
  OwedBytes owed({.connection_max = 100, .address_max = 10, .all_max = 100});
  OwedBytes::Account stays(owed, kAlice);
  {
    OwedBytes::Account goes(owed, kAlice);
    goes.add(10);
  }
  EXPECT_EQ(stays.room_for(10), Room::kYes);
  EXPECT_EQ(owed.all(), 0);
}

}  // namespace
}  // namespace hongbao::owed_bytes_test
