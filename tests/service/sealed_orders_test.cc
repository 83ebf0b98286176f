// service/sealed_orders.h over a store that others can read. That it is a store like others is in
// tests/contract/order_store_test.cc.
#include "service/sealed_orders.h"

#include <gtest/gtest.h>

#include "support/manual_clock.h"
#include "support/memory_order_store.h"

namespace hongbao::sealed_orders_test {
namespace {

const ShardId kShard{Region::kSouth, 7};
const Seed kSeed{{1, 2, 3}};

class SealedOrdersTest : public testing::Test {
 protected:
  static Order order(uint64_t local) {
    return {.key = {kShard, Day{20'000}, LocalNo{local}},
            .sender = UserId::trusted("ann"),
            .total = Money(10),
            .count = 1,
            .seed = kSeed};
  }
  static std::unique_ptr<SealedOrders> over(OrderStore*& below, const Key256& key) {
    auto store = std::make_unique<MemoryOrderStore>(kShard);
    below = store.get();
    return std::make_unique<SealedOrders>(std::move(store), key);
  }
  void put(OrderStore& store, const std::vector<Order>& orders) {
    const ShardHead head = store.acquire("test", kLeaseForever).value();
    CommitBatch batch{.epoch = head.epoch, .expected_next = head.next_voucher, .activated = orders};
    for (const Order& each : orders) {
      batch.vouchers.push_back({.no = batch.next(),
                                .packet = each.key,
                                .kind = VoucherKind::kPaid,
                                .seq = 0,
                                .user = each.sender,
                                .amount = each.total,
                                .at = {}});
    }
    ASSERT_EQ(store.commit(batch), CommitOutcome::kCommitted);
  }
  static Seed seed_in(OrderStore& store, const Order& of) { return store.load(of.key).value()->order.seed; }

  OrderStore* below_ = nullptr;
  std::unique_ptr<SealedOrders> sealed_ = over(below_, Key256{7});
};

TEST_F(SealedOrdersTest, ASeedLiesSealedAndIsReadAsItWas) {
  put(*sealed_, {order(1), order(2)});
  for (const uint64_t local : {1, 2}) {
    EXPECT_NE(seed_in(*below_, order(local)), kSeed);
    EXPECT_EQ(seed_in(*sealed_, order(local)), kSeed);
    EXPECT_EQ(sealed_->load_hot(order(local).key)->packet->order, order(local));
  }
}

// By the key of its day, whichever key is in force when it is written or read; also when that key is retired.
TEST_F(SealedOrdersTest, AChangeOfKeysChangesNoSeed) {
  const Order before = order(1);
  Order after = order(2);
  after.key.day.since_epoch += 1;
  const RingKey first = make_ring_key(1, Day::parse_yyyymmdd("20000101").value(), Key256{1, 2});
  const RingKey second = make_ring_key(2, after.key.day, Key256{3, 4});
  KeyRing ring({first, second}, before.key.day);
  auto store = std::make_unique<MemoryOrderStore>(kShard);
  OrderStore& below = *store;
  SealedOrders sealed(std::move(store), {ring, kSeedSeal});
  put(sealed, {before});
  ring.turn(after.key.day);
  put(sealed, {after});
  ASSERT_TRUE(ring.replace({retired(first), second}, after.key.day));
  for (const Order& each : {before, after}) {
    EXPECT_EQ(seed_in(sealed, each), kSeed);
    EXPECT_NE(seed_in(below, each), kSeed);
  }
  EXPECT_NE(seed_in(below, before), seed_in(below, after));
}

TEST_F(SealedOrdersTest, EqualSeedsOfTwoPacketsDoNotLookEqual) {
  put(*sealed_, {order(1), order(2)});
  EXPECT_NE(seed_in(*below_, order(1)), seed_in(*below_, order(2)));
}

TEST_F(SealedOrdersTest, AnotherKeyReadsAnotherSeed) {
  OrderStore* others = nullptr;
  const auto other = over(others, Key256{8});
  put(*sealed_, {order(1)});
  put(*other, {order(1)});
  EXPECT_NE(seed_in(*below_, order(1)), seed_in(*others, order(1)));
}

TEST_F(SealedOrdersTest, WhatIsNotThereIsNotThere) {
  put(*sealed_, {order(1)});
  EXPECT_FALSE(sealed_->load(order(2).key).value());
  EXPECT_FALSE(sealed_->load_hot(order(2).key)->packet);
}

}  // namespace
}  // namespace hongbao::sealed_orders_test
