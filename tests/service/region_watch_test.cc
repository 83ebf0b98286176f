// What a node knows of its region: from memory, whatever is frozen.
#include "service/region_watch.h"

#include <gtest/gtest.h>

#include <atomic>

namespace hongbao {
namespace {

using namespace std::chrono_literals;

constexpr ShardId kShard{Region::kSouth, 1};

SteadyTime in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

RegionWatch::Found owned_by(const std::string& owner, std::chrono::milliseconds lease_left) {
  RegionWatch::Found found;
  found.members = {{{owner, "127.0.0.1:1"}, lease_left}};
  found.tenures[kShard] = {{.epoch = 7, .next_voucher = {100}}, owner, lease_left};
  return found;
}

TEST(RegionWatch, TellsWhatEachServerSaidLast) {
  RegionWatch watch;
  watch.add({"mariadb", "orders", "a:1"}, [] { return owned_by("ann", 3s); });
  watch.add({"mariadb", "ledger", "b:1"}, [] {
    RegionWatch::Found found;
    found.settled_to[kShard] = {90};
    found.settled_to[{Region::kSouth, 2}] = {1};
    return found;
  });
  watch.add({"redis", "cache", "c:1"},
            []() -> Result<RegionWatch::Found> { return fail(ErrorCode::kUnavailable, "no answer"); });
  watch.start();
  watch.refresh(in(10s));
  const RegionFacts facts = watch.facts();
  ASSERT_EQ(facts.engines.size(), 3U);
  EXPECT_TRUE(facts.engines[0].answers);
  EXPECT_FALSE(facts.engines[2].answers);
  EXPECT_EQ(facts.engines[2].error, "no answer");
  EXPECT_TRUE(facts.nodes.at("ann").is_alive());
  ASSERT_EQ(facts.shards.size(), 1U);
  const ShardSeen& seen = facts.shards.at(kShard);
  EXPECT_EQ(seen.tenure.owner, "ann");
  EXPECT_EQ(seen.settled_to, VoucherNo{90});
  EXPECT_EQ(seen.inbox_to, std::nullopt);
  EXPECT_LE(seen.lease_left(std::chrono::steady_clock::now()), 3s);
  EXPECT_TRUE(seen.is_owned());
}

TEST(RegionWatch, AServerThatIsFrozenHoldsUpNobodyAndWhatItSaidIsKept) {
  std::atomic<bool> is_frozen{false};
  RegionWatch watch;
  watch.add({"mariadb", "orders", "a:1"}, [&is_frozen] {
    is_frozen.wait(true);
    return owned_by("ann", 60s);
  });
  watch.start();
  watch.refresh(in(10s));
  is_frozen = true;
  const SteadyTime began = in(0ms);
  watch.refresh(in(50ms));
  EXPECT_LT(in(0ms) - began, 1s);
  while (watch.facts().engines[0].answers) {
    ASSERT_LT(in(0ms) - began, 10s);
    std::this_thread::sleep_for(10ms);
  }
  const RegionFacts facts = watch.facts();
  EXPECT_TRUE(facts.engines[0].error.starts_with("no answer for ")) << facts.engines[0].error;
  EXPECT_EQ(facts.shards.at(kShard).tenure.owner, "ann");
  is_frozen = false;
  is_frozen.notify_all();
  watch.refresh(in(10s));
  EXPECT_TRUE(watch.facts().engines[0].answers);
}

TEST(RegionWatch, ANodeLivesWhenOneOfTheServersKnowsIt) {
  RegionWatch watch;
  watch.add({"mariadb", "orders", "a:1"}, [] { return owned_by("ann", -5s); });
  watch.add({"mariadb", "orders", "b:1"}, [] {
    auto found = owned_by("ann", 2s);
    found.tenures.clear();
    return found;
  });
  watch.start();
  watch.refresh(in(10s));
  EXPECT_TRUE(watch.facts().nodes.at("ann").is_alive());
  EXPECT_FALSE(watch.facts().shards.at(kShard).is_owned());
}

}  // namespace
}  // namespace hongbao
