// Reading packets that a shard misses, step by step.
#include "shard/packet_loader.h"

#include <gtest/gtest.h>

#include "support/faulty_order_store.h"
#include "support/manual_clock.h"
#include "support/memory_order_store.h"

namespace hongbao::packet_loader_test {
namespace {

using namespace std::chrono_literals;

constexpr ShardId kShard{Region::kSouth, 5};
constexpr auto kNow = 0ms;  // a step that waits for nothing

PacketKey packet(uint64_t number) {
  return {kShard, Day{20'000}, LocalNo{number}};
}

class PacketLoaderTest : public testing::Test {
 protected:
  // Commits packet `number`.
  void store(uint64_t number) {
    CommitBatch batch{.epoch = epoch_, .expected_next = next_};
    const Order order{
        .key = packet(number), .sender = UserId::trusted("sender"), .total = Money(10), .count = 1, .created_at = {1}};
    batch.activated.push_back(order);
    batch.vouchers.push_back({next_, order.key, VoucherKind::kPaid, 0, order.sender, order.total, {1}});
    ASSERT_EQ(inner_.commit(batch), CommitOutcome::kCommitted);
    next_ = batch.next();
  }
  void ask(uint64_t number) { loader_.ask({packet(number), 7, clock_.steady_now() + 1s}); }
  // Cold loads don't wait here.
  void set_cold(std::set<PacketKey> packets) {
    store_.hold_cold_loads(std::move(packets));
    store_.release_cold_loads();
  }

  ManualClock clock_{{1'790'000'000'000}};
  MemoryOrderStore inner_{kShard};
  FaultyOrderStore store_{inner_};
  uint32_t epoch_ = inner_.acquire("owner", kLeaseForever)->epoch;
  VoucherNo next_;
  std::vector<LoadedPacket> arrived_;
  PacketLoader loader_{kShard, store_, clock_, 100, [this](LoadedPacket loaded) { arrived_.push_back(loaded); }};
};

TEST_F(PacketLoaderTest, BringsWhatTheStoreHasWithTheRequest) {
  store(1);
  EXPECT_FALSE(loader_.load_step(kNow));
  ask(1);
  ask(2);
  EXPECT_TRUE(loader_.load_step(kNow));
  ASSERT_EQ(arrived_.size(), 2U);
  EXPECT_EQ(arrived_[0].request.packet, packet(1));
  EXPECT_EQ(arrived_[0].request.epoch, 7U);
  EXPECT_EQ(arrived_[0].stored.value()->order.key, packet(1));
  EXPECT_FALSE(arrived_[1].stored.value()) << "never activated";
}

TEST_F(PacketLoaderTest, AnErrorIsBroughtAsWell) {
  store_.fail_next_loads(1);
  ask(1);
  EXPECT_TRUE(loader_.load_step(kNow));
  ASSERT_EQ(arrived_.size(), 1U);
  EXPECT_EQ(arrived_[0].stored.error().code, ErrorCode::kStorage);
}

TEST_F(PacketLoaderTest, WhatMayBeColdIsLeftToTheOtherStep) {
  store(1);
  store(2);
  set_cold({packet(1)});
  ask(1);
  ask(2);
  EXPECT_FALSE(loader_.load_cold_step(kNow));
  EXPECT_TRUE(loader_.load_step(kNow));
  ASSERT_EQ(arrived_.size(), 1U);
  EXPECT_EQ(arrived_[0].request.packet, packet(2));
  EXPECT_TRUE(loader_.load_cold_step(kNow));
  ASSERT_EQ(arrived_.size(), 2U);
  EXPECT_EQ(arrived_[1].stored.value()->order.key, packet(1));
}

TEST_F(PacketLoaderTest, AColdPacketThatNobodyWaitsForAnyMoreIsNotRead) {
  set_cold({packet(1)});
  ask(1);
  EXPECT_TRUE(loader_.load_step(kNow));
  clock_.advance(1s + 1ms);
  EXPECT_TRUE(loader_.load_cold_step(kNow));
  ASSERT_EQ(arrived_.size(), 1U);
  EXPECT_EQ(arrived_[0].stored.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(store_.loads(), 0);
}

TEST_F(PacketLoaderTest, WhatWasAskedForIsReadBeforeTheThreadsEnd) {
  store(1);
  store(2);
  set_cold({packet(2)});
  ask(1);
  ask(2);
  loader_.start();
  loader_.stop();
  EXPECT_EQ(arrived_.size(), 2U);
}

}  // namespace
}  // namespace hongbao::packet_loader_test
