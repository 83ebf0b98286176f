// Greetings, which outlive their order and are asked for with every view; the rest is in ordering_test.cc.
#include "service/pre_orders.h"

#include <algorithm>

#include "service/cache_record.h"
#include "service/faulty_cache.h"
#include "service/service_fixture.h"

namespace hongbao {
namespace {

class KeptInMemory final : public GreetingStore {
 public:
  void keep(KeptGreeting greeting) override { greetings.push_back(std::move(greeting)); }
  Result<std::vector<KeptGreeting>> kept(Timestamp now, size_t) override {
    std::vector<KeptGreeting> found;
    std::ranges::copy_if(greetings, std::back_inserter(found), [&](const auto& kept) { return kept.until > now; });
    return found;
  }
  std::vector<KeptGreeting> greetings;
};

class GreetingTest : public ServiceTest {
 protected:
  std::string greeting(PreOrders& from) {
    std::string said;
    from.greeting(packet, [&](std::string greeting) { said = std::move(greeting); });
    return said;
  }
  std::string cached() { return "packet:" + at.ids.print(packet); }

  FaultyCache cache{at.cache};
  PreOrders there{cache, at.pay_tokens, at.ids, kPayable + kPacketTtl, at.clock, at.registry};
  const PacketKey packet = at.active(lucky(100, 2));
};

TEST_F(GreetingTest, TheCacheIsAskedForItOnce) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(greeting(there), "恭喜");
  }
  EXPECT_EQ(cache.reads, 1);
}

TEST_F(GreetingTest, ALostOneIsTheDefault) {
  at.cache.erase({cached()}, [](auto) {});
  EXPECT_EQ(greeting(there), kGreetingDefault);
}

TEST_F(GreetingTest, GarbageIsTheDefault) {
  for (const char* garbage : {"", "garbage", "[]", "[1,2,3]", R"(["a","b"])", "{}", "\"\xff\""}) {
    at.cache.put(cached(), garbage, kPacketTtl, [](auto) {});
    at.clock.advance(PreOrders::kGreetingLostTtl);
    EXPECT_EQ(greeting(there), kGreetingDefault) << garbage;
    there.find(packet, [](auto found) { EXPECT_FALSE(found.value().has_value()); });
  }
}

TEST_F(GreetingTest, ADamagedRecordIsAMiss) {
  std::string record;
  at.cache.get(cached(), [&](auto found) { record = found.value().value(); });
  const auto expect_miss = [&](const std::string& damaged) {
    at.cache.put(cached(), damaged, kPacketTtl, [](auto) {});
    there.find(packet, [](auto found) { EXPECT_FALSE(found.value().has_value()); });
  };
  for (size_t i = 0; i < record.size(); ++i) {
    std::string flipped = record;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x20);
    expect_miss(flipped);
    expect_miss(record.substr(0, i));
  }
  at.cache.put(cached(), record, kPacketTtl, [](auto) {});
  there.find(packet, [](auto found) { EXPECT_TRUE(found.value().has_value()); });
}

TEST_F(GreetingTest, ARecordOfAnotherPacketOrLayoutIsAMiss) {
  const PacketKey other = at.active(lucky(200, 2));
  std::string record;
  at.cache.get("packet:" + at.ids.print(other), [&](auto found) { record = found.value().value(); });
  RecordWriter older(RecordLayout::kProfile, cached());
  older.text("");
  older.text("");
  older.text("恭喜");
  for (const std::string& foreign : {record, std::move(older).finish(), std::string(R"(["a","b","恭喜"])")}) {
    at.cache.put(cached(), foreign, kPacketTtl, [](auto) {});
    at.clock.advance(PreOrders::kGreetingLostTtl);
    EXPECT_EQ(greeting(there), kGreetingDefault);
    there.find(packet, [](auto found) { EXPECT_FALSE(found.value().has_value()); });
  }
}

TEST_F(GreetingTest, WhatDoesNotReadBackCountsAsAMiss) {
  at.cache.put(cached(), "garbage", kPacketTtl, [](auto) {});
  EXPECT_EQ(greeting(there), kGreetingDefault);
  prometheus::Counter& misses =
      add_counter(at.registry, "hongbao_cache_reads_total", "Reads of the cache, by what was asked for.",
                  {{"what", "greetings"}, {"result", "miss"}});
  EXPECT_EQ(misses.Value(), 1);
}

TEST_F(GreetingTest, APaidPacketsGreetingOutlivesTheCache) {
  KeptInMemory store;
  PreOrders before{cache, at.pay_tokens, at.ids, kPayable + kPacketTtl, at.clock, at.registry, &store};
  before.keep_greeting(at.view(packet).value().order);
  ASSERT_EQ(store.greetings.size(), 1U);
  at.cache.erase({cached()}, [](auto) {});
  PreOrders after{cache, at.pay_tokens, at.ids, kPayable + kPacketTtl, at.clock, at.registry, &store};
  ASSERT_TRUE(after.restore_greetings().has_value());
  EXPECT_EQ(greeting(after), "恭喜");
  after.find(packet, [](auto found) { EXPECT_FALSE(found.value().has_value()) << "it is no order to be paid"; });
  at.clock.advance(kPayable + kPacketTtl);
  EXPECT_EQ(greeting(after), kGreetingDefault);
}

TEST_F(GreetingTest, ADeadCacheIsTheDefaultUntilItIsBack) {
  cache.refuses = true;
  EXPECT_EQ(greeting(there), kGreetingDefault);
  cache.refuses = false;
  at.clock.advance(PreOrders::kGreetingLostTtl);
  EXPECT_EQ(greeting(there), "恭喜");
}

}  // namespace
}  // namespace hongbao
