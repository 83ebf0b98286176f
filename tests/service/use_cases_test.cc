// What putting the use cases together promises, and who owns all shards.
#include "service/use_cases.h"

#include <filesystem>

#include "service/service_fixture.h"
#include "support/shard_options.h"

namespace hongbao::use_cases_test {

size_t threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

class UseCasesTest : public ServiceTest {
 protected:
  UseCasesTest() { ports.shared_cache = nullptr; }

  UseCaseOptions options{.ledger = {}, .reconciler = {}, .archive = {}, .ordering = {}};
  Ports ports = at.ports;
  WorkerPool workers{1, 1};
  prometheus::Registry registry;
};

TEST_F(UseCasesTest, NothingRunsUntilItIsStarted) {
  const size_t before = threads();
  const ShardSet shards = make_shards(ports, at.clock, test_shard_options(), registry);
  const SoleOwner ownership(shards);
  const UseCases use_cases(shards, ownership, ports, {at.ids, at.tickets, at.pay_tokens},
                           {at.clock, at.clock, at.random, workers, registry}, options);
  EXPECT_EQ(threads(), before);
  EXPECT_TRUE(shards.owned().empty());
}

TEST_F(UseCasesTest, OnlyASharedCacheKeepsWhatOtherProcessesWant) {
  const UseCases alone(at.shards, at.ownership, ports, {at.ids, at.tickets, at.pay_tokens},
                       {at.clock, at.clock, at.random, workers, registry}, options);
  EXPECT_EQ(alone.inbox_heads, nullptr);
  EXPECT_EQ(alone.finished_packet_cache, nullptr);
  EXPECT_NE(at.use_cases.inbox_heads, nullptr);
  EXPECT_NE(at.use_cases.finished_packet_cache, nullptr);
}

class SoleOwnerTest : public ServiceTest {};

TEST_F(SoleOwnerTest, ServesAndTakesOrdersWithTheShardsItHas) {
  EXPECT_TRUE(at.ownership.can_serve());
  EXPECT_EQ(at.ownership.taking_orders(), at.shard_ids);
}

TEST_F(SoleOwnerTest, FollowsTheLogsOfShardsThatHaveStopped) {
  for (const ShardId id : at.shard_ids) {
    at.shards.find(id)->stop();
  }
  EXPECT_FALSE(at.ownership.can_serve());
  EXPECT_TRUE(at.ownership.taking_orders().empty());
  for (const ShardId id : at.shard_ids) {
    EXPECT_TRUE(at.ownership.followed_term(id));
  }
}

}  // namespace hongbao::use_cases_test
