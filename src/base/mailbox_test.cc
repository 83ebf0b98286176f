#include "base/mailbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace hongbao {
namespace {

using namespace std::chrono_literals;
using Push = Mailbox<std::unique_ptr<int>>::Push;

TEST(Mailbox, GivesWhatWasPushedInOrderUpToTheLimit) {
  Mailbox<std::unique_ptr<int>> mailbox(10);
  for (int i = 0; i < 5; ++i) {
    auto item = std::make_unique<int>(i);
    EXPECT_EQ(mailbox.push(item), Push::kTaken);
  }
  std::vector<std::unique_ptr<int>> taken;
  mailbox.take(taken, 3, 0ms);
  ASSERT_EQ(taken.size(), 3U);
  mailbox.take(taken, 3, 0ms);
  ASSERT_EQ(taken.size(), 5U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(*taken[static_cast<size_t>(i)], i);
  }
}

TEST(Mailbox, RefusesWhenFullAndKeepsTheItem) {
  Mailbox<std::unique_ptr<int>> mailbox(1);
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  EXPECT_EQ(mailbox.push(first), Push::kTaken);
  EXPECT_EQ(mailbox.push(second), Push::kFull);
  ASSERT_NE(second, nullptr);
  mailbox.push_unbounded(std::move(second));
  EXPECT_EQ(mailbox.depth(), 2U);
}

TEST(Mailbox, ClosedItRefusesButGivesWhatWaits) {
  Mailbox<std::unique_ptr<int>> mailbox(10);
  auto item = std::make_unique<int>(1);
  EXPECT_EQ(mailbox.push(item), Push::kTaken);
  mailbox.close();
  auto late = std::make_unique<int>(2);
  EXPECT_EQ(mailbox.push(late), Push::kClosed);
  std::vector<std::unique_ptr<int>> taken;
  mailbox.take(taken, 10, 10s);
  EXPECT_EQ(taken.size(), 1U);
  mailbox.take(taken, 10, 10s);  // returns at once
  EXPECT_EQ(taken.size(), 1U);
}

TEST(Mailbox, WakesItsTaker) {
  Mailbox<std::unique_ptr<int>> mailbox(10);
  std::vector<std::unique_ptr<int>> taken;
  std::thread taker([&] { mailbox.take(taken, 10, 60s); });
  auto item = std::make_unique<int>(7);
  EXPECT_EQ(mailbox.push(item), Push::kTaken);
  taker.join();
  ASSERT_EQ(taken.size(), 1U);
}

}  // namespace
}  // namespace hongbao
