#include "shard/packet_waiters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace hongbao::packet_waiters_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr SteadyTime kNow{1h};

PacketKey packet(uint64_t number) {
  return {{Region::kSouth, 0}, Day{20'000}, LocalNo{number}};
}

class PacketWaitersTest : public testing::Test {
 protected:
  // Command `name`, that waits until then.
  PendingCommand command(int name, uint64_t number, SteadyTime deadline = kNow + 10s) {
    return {LoadCommand{packet(number)}, deadline,
            [this, name](Result<ShardAnswer> answer) { refused_.emplace_back(name, answer.error().code); }};
  }
  std::vector<std::pair<int, ErrorCode>> refused() { return std::exchange(refused_, {}); }
  size_t waiting(uint64_t number) {
    auto taken = waiters_.take(packet(number));
    return taken ? taken->size() : SIZE_MAX;
  }

  PacketWaiters waiters_{4};
  std::vector<std::pair<int, ErrorCode>> refused_;
};

TEST_F(PacketWaitersTest, APacketIsAskedForOnceHoweverManyWait) {
  EXPECT_TRUE(waiters_.add(command(1, 1)));
  EXPECT_FALSE(waiters_.add(command(2, 1)));
  EXPECT_TRUE(waiters_.add(command(3, 2)));
  EXPECT_EQ(waiting(1), 2U);
  EXPECT_EQ(waiting(1), SIZE_MAX) << "it was taken";
  EXPECT_TRUE(waiters_.add(command(4, 1))) << "and has to be read again";
  EXPECT_THAT(refused(), IsEmpty());
}

TEST_F(PacketWaitersTest, WhoeverCameFirstIsDecidedFirst) {
  for (int name = 1; name <= 3; ++name) {
    (void)waiters_.add(command(name, 1));
  }
  auto taken = waiters_.take(packet(1));
  ASSERT_TRUE(taken);
  for (PendingCommand& each : *taken) {
    each.done(fail(ErrorCode::kInternal, ""));
  }
  EXPECT_THAT(refused(),
              ElementsAre(Pair(1, ErrorCode::kInternal), Pair(2, ErrorCode::kInternal), Pair(3, ErrorCode::kInternal)));
}

TEST_F(PacketWaitersTest, OneTooManyIsRefusedAtOnceAndNothingIsAskedFor) {
  for (int name = 1; name <= 4; ++name) {
    (void)waiters_.add(command(name, 1));
  }
  EXPECT_FALSE(waiters_.add(command(5, 2)));
  EXPECT_THAT(refused(), ElementsAre(Pair(5, ErrorCode::kOverloaded)));
  EXPECT_EQ(waiting(2), SIZE_MAX);
  EXPECT_EQ(waiting(1), 4U);
  EXPECT_TRUE(waiters_.add(command(6, 2))) << "their places are free again";
}

TEST_F(PacketWaitersTest, TheOverdueAreToldAndTheirPacketStaysAskedFor) {
  (void)waiters_.add(command(1, 1, kNow + 1s));
  (void)waiters_.add(command(2, 1, kNow + 2s));
  waiters_.refuse_overdue(kNow + 1s);
  EXPECT_THAT(refused(), IsEmpty());
  waiters_.refuse_overdue(kNow + 3s);
  EXPECT_THAT(refused(), ElementsAre(Pair(1, ErrorCode::kDeadlineExceeded), Pair(2, ErrorCode::kDeadlineExceeded)));
  EXPECT_FALSE(waiters_.empty());
  EXPECT_FALSE(waiters_.add(command(3, 1))) << "it is being read";
  EXPECT_EQ(waiting(1), 1U);
  EXPECT_TRUE(waiters_.empty());
}

TEST_F(PacketWaitersTest, PlacesOfTheOverdueAreFree) {
  for (int name = 1; name <= 4; ++name) {
    (void)waiters_.add(command(name, 1, kNow));
  }
  waiters_.refuse_overdue(kNow + 1ms);
  EXPECT_EQ(refused().size(), 4U);
  EXPECT_TRUE(waiters_.add(command(5, 2)));
}

TEST_F(PacketWaitersTest, TheOverdueAreLookedForOnlyAfterAPause) {
  (void)waiters_.add(command(1, 1, kNow));
  (void)waiters_.add(command(2, 1, kNow + 1s));
  waiters_.refuse_overdue(kNow + 1s);
  EXPECT_THAT(refused(), ElementsAre(Pair(1, ErrorCode::kDeadlineExceeded)));
  waiters_.refuse_overdue(kNow + 1s + PacketWaiters::kOverduePause - 1ms);
  EXPECT_THAT(refused(), IsEmpty());
  waiters_.refuse_overdue(kNow + 1s + PacketWaiters::kOverduePause);
  EXPECT_THAT(refused(), ElementsAre(Pair(2, ErrorCode::kDeadlineExceeded)));
}

TEST_F(PacketWaitersTest, WhenTheShardGoesAllAreToldAndNothingIsAskedForAnyMore) {
  (void)waiters_.add(command(1, 1));
  (void)waiters_.add(command(2, 2));
  waiters_.refuse_all(ErrorCode::kFenced, "gone");
  EXPECT_THAT(refused(), testing::UnorderedElementsAre(Pair(1, ErrorCode::kFenced), Pair(2, ErrorCode::kFenced)));
  EXPECT_TRUE(waiters_.empty());
  EXPECT_EQ(waiting(1), SIZE_MAX);
  for (int name = 3; name <= 6; ++name) {
    (void)waiters_.add(command(name, 3));
  }
  EXPECT_EQ(waiting(3), 4U) << "all places are free";
}

}  // namespace
}  // namespace hongbao::packet_waiters_test
