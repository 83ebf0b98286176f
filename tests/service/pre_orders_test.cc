// Greetings, which outlive their order and are asked for with every view; the rest is in ordering_test.cc.
#include "service/pre_orders.h"

#include <algorithm>

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
