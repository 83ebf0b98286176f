#include "shard/packet_numbers.h"

#include <gtest/gtest.h>

#include <set>

namespace hongbao {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNoon{20'779LL * 86'400'000 + 4LL * 3'600'000};
constexpr Timestamp kMidnight = kNoon + 12h;

uint32_t counter(std::optional<LocalNo> number) {
  return static_cast<uint32_t>(number.value().value & LocalNo::kCounterMax);
}

TEST(PacketNumbersTest, RiseWithTheTimeOfDayAndNeverGoBackWithTheClock) {
  PacketNumbers numbers;
  numbers.start(1);
  const uint32_t first = LocalNo::counter_at(kNoon);
  EXPECT_EQ(counter(numbers.next(kNoon)), first);
  EXPECT_EQ(counter(numbers.next(kNoon)), first + 1);
  EXPECT_EQ(counter(numbers.next(kNoon + 1ms)), first + LocalNo::kNumbersPerMs);
  EXPECT_EQ(counter(numbers.next(kNoon - 1h)), first + LocalNo::kNumbersPerMs + 1);
}

TEST(PacketNumbersTest, EveryDayHasItsOwn) {
  PacketNumbers numbers;
  numbers.start(1);
  const auto evening = numbers.next(kMidnight - 1ms);
  EXPECT_EQ(counter(numbers.next(kMidnight)), 0U);
  EXPECT_EQ(counter(numbers.next(kMidnight - 1ms)), counter(evening) + 1) << "the clock went back over midnight";
}

TEST(PacketNumbersTest, AnotherEpochGivesOtherNumbersAtTheSameTime) {
  PacketNumbers numbers;
  std::set<LocalNo> given;
  for (const uint32_t epoch : {1U, 2U, 3U}) {
    numbers.start(epoch);
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(given.insert(numbers.next(kNoon).value()).second);
    }
  }
}

TEST(PacketNumbersTest, AnEpochThatComesAgainLaterGivesOtherNumbers) {
  PacketNumbers numbers;
  numbers.start(1);
  const auto before = numbers.next(kNoon);
  numbers.start(1);
  EXPECT_NE(numbers.next(kNoon + 1ms), before);
}

}  // namespace
}  // namespace hongbao
