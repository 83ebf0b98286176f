// Which node owns which shard: two nodes over one membership and the same stores, played step by step.
#include "routing/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/memory/log_voucher_stream.h"
#include "routing/route.h"
#include "support/manual_clock.h"
#include "support/memory_membership.h"
#include "support/memory_order_store.h"
#include "support/shard_options.h"

namespace hongbao {
namespace {

using namespace std::chrono_literals;

constexpr auto kLease = 3'000ms;
constexpr auto kBeat = 500ms;
constexpr uint16_t kShardCount = 16;

std::vector<ShardId> shard_ids() {
  std::vector<ShardId> ids;
  for (uint16_t number = 0; number < kShardCount; ++number) {
    ids.push_back({Region::kSouth, number});
  }
  return ids;
}

// A membership whose server can be away.
class FaultyMembership final : public Membership {
 public:
  explicit FaultyMembership(Membership& inner) : inner_(inner) {}
  bool away = false;

  Result<std::vector<Member>> beat(const Member& self, uint64_t incarnation, std::chrono::milliseconds lease) override {
    return away ? refused() : inner_.beat(self, incarnation, lease);
  }
  Result<std::vector<Member>> members() override { return away ? refused() : inner_.members(); }
  Result<std::vector<KnownMember>> known(std::chrono::milliseconds memory) override {
    return away ? Result<std::vector<KnownMember>>(std::unexpected(refused().error())) : inner_.known(memory);
  }
  Result<void> leave(std::string_view node, uint64_t incarnation) override {
    return away ? Result<void>(std::unexpected(refused().error())) : inner_.leave(node, incarnation);
  }

 private:
  static Result<std::vector<Member>> refused() { return fail(ErrorCode::kStorage, "the test refuses"); }
  Membership& inner_;
};

class PlacementTest : public testing::Test {
 protected:
  PlacementTest() {
    for (const ShardId id : shard_ids()) {
      stores_.emplace(id, std::make_unique<MemoryOrderStore>(id, clock_));
      pointers_.emplace(id, stores_.at(id).get());
    }
    stream_.emplace(pointers_);
  }

  struct Node {
    Node(PlacementTest& test, const std::string& name, uint64_t incarnation = 1, const std::string& facts = "")
        : members(test.members_),
          shards(make_shards(test, name, incarnation)),
          placement(shards, {{&members, shard_ids(), facts}}, {{name, name + ":7000"}, incarnation, kLease}) {}

    ShardSet make_shards(PlacementTest& test, const std::string& name, uint64_t incarnation) {
      ShardSet set;
      ShardOptions options = test_shard_options();
      options.owner = {name, incarnation};
      options.lease = kLease;
      for (const ShardId id : shard_ids()) {
        set.add(std::make_unique<Shard>(id, *test.stores_.at(id), *test.stream_, test.clock_, options, registry));
      }
      return set;
    }
    void write_steps() {
      for (const ShardId id : shards.ids()) {
        shards.find(id)->write_step(0ms);
      }
    }
    void beat() {
      (void)placement.step();
      write_steps();
    }

    prometheus::Registry registry;
    FaultyMembership members;
    ShardSet shards;
    Placement placement;
  };

  // Beats of all of `nodes`, for so long.
  void live(std::initializer_list<Node*> nodes, std::chrono::milliseconds time) {
    for (auto passed = 0ms; passed < time; passed += kBeat) {
      clock_.advance(kBeat);
      for (Node* node : nodes) {
        node->beat();
      }
    }
  }
  static std::vector<ShardId> should_own(const Node& asked, const std::string& name) {
    std::vector<ShardId> ids;
    for (const ShardId id : shard_ids()) {
      if (asked.placement.owner(id)->node == name) {
        ids.push_back(id);
      }
    }
    return ids;
  }

  ManualClock clock_{{1'790'000'000'000}};
  MemoryMembership members_{clock_};
  std::map<ShardId, std::unique_ptr<MemoryOrderStore>> stores_;
  std::map<ShardId, OrderStore*> pointers_;
  std::optional<LogVoucherStream> stream_;
};

TEST_F(PlacementTest, ALoneNodeTakesEverything) {
  Node a(*this, "a");
  EXPECT_FALSE(a.placement.can_serve());
  EXPECT_EQ(a.placement.owner({Region::kSouth, 0}), std::nullopt);
  a.beat();
  EXPECT_EQ(a.shards.owned(), shard_ids());
  EXPECT_TRUE(a.placement.can_serve());
  EXPECT_EQ(a.placement.taking_orders(), shard_ids());
}

TEST_F(PlacementTest, NodesAgreeWhoOwnsWhatAndNoShardIsOwnedTwice) {
  Node a(*this, "a");
  Node b(*this, "b");
  a.beat();
  live({&a, &b}, 2s);
  EXPECT_EQ(a.shards.owned(), should_own(b, "a"));
  EXPECT_EQ(b.shards.owned(), should_own(a, "b"));
  EXPECT_EQ(a.shards.owned().size() + b.shards.owned().size(), kShardCount);
  EXPECT_FALSE(b.shards.owned().empty());
  const ShardId of_b = b.shards.owned().front();
  EXPECT_EQ(a.placement.owner(of_b)->address, "b:7000");
  EXPECT_TRUE(b.placement.followed_term(of_b));
  EXPECT_FALSE(a.placement.followed_term(of_b));
}

TEST_F(PlacementTest, RoutesTellApartWhatIsHereElsewhereUnknownOrNowhere) {
  using Where = Route::Where;
  Node a(*this, "a");
  Node b(*this, "b");
  const Routes routes(a.shards, a.placement, Region::kSouth);
  EXPECT_EQ(routes.find(shard_ids().front()).where, Where::kNobodyKnown) << "nothing was heard yet";
  (void)b.placement.step();
  (void)a.placement.step();
  const ShardId own = should_own(a, "a").front();
  const ShardId others = should_own(a, "b").front();
  EXPECT_EQ(routes.find(own).where, Where::kNobodyKnown) << "it is on its way here";
  EXPECT_TRUE(routes.find(own).is_away);
  EXPECT_EQ(routes.find(others).where, Where::kNode);
  EXPECT_EQ(routes.find(others).node.address, "b:7000");
  a.write_steps();
  EXPECT_EQ(routes.find(own).where, Where::kHere);
  EXPECT_FALSE(routes.find(own).is_away);
  EXPECT_EQ(routes.find({Region::kSouth, kShardCount}).where, Where::kNoSuchShard);
  EXPECT_EQ(routes.find({Region::kNorth, own.number}).where, Where::kOtherRegion);
}

TEST_F(PlacementTest, ADeadNodesShardsAreTakenWhenItsLeaseIsOverAndNoOthersMove) {
  Node a(*this, "a");
  Node b(*this, "b");
  live({&a, &b}, 2s);
  const auto kept = a.shards.owned();
  live({&a}, kLease - kBeat);
  EXPECT_EQ(a.shards.owned(), kept);
  live({&a}, 2 * kBeat);
  EXPECT_EQ(a.shards.owned(), shard_ids());
}

TEST_F(PlacementTest, ANodeThatLeavesHandsItsShardsOverAtOnce) {
  Node a(*this, "a");
  Node b(*this, "b");
  live({&a, &b}, 2s);
  b.placement.leave();
  EXPECT_EQ(should_own(b, "a"), shard_ids()) << "where it sends requests from now on";
  b.write_steps();
  EXPECT_TRUE(b.shards.owned().empty());
  live({&a}, kBeat);
  EXPECT_EQ(a.shards.owned(), shard_ids());
}

TEST_F(PlacementTest, WhileTheServerIsAwayOwnersStayAndNewOrdersGoElsewhere) {
  Node a(*this, "a");
  live({&a}, 1s);
  a.members.away = true;
  live({&a}, 10s);
  EXPECT_EQ(a.shards.owned(), shard_ids()) << "their databases still answer, and their leases are renewed there";
  EXPECT_TRUE(a.placement.taking_orders().empty());
  EXPECT_EQ(a.placement.owner({Region::kSouth, 0})->node, "a");
  a.members.away = false;
  a.beat();
  EXPECT_EQ(a.placement.taking_orders(), shard_ids());
}

TEST_F(PlacementTest, ALaterProcessOfTheSameNodeReplacesTheEarlierOne) {
  Node old(*this, "a", 1);
  live({&old}, 1s);
  Node fresh(*this, "a", 2);
  fresh.beat();
  EXPECT_EQ(fresh.shards.owned(), shard_ids()) << "without waiting for a lease";
  EXPECT_EQ(old.placement.step().error().code, ErrorCode::kFenced);
  old.write_steps();
  EXPECT_TRUE(old.shards.owned().empty());
  live({&fresh}, kBeat);
  EXPECT_EQ(fresh.shards.owned(), shard_ids());
  EXPECT_EQ(members_.members().value().size(), 1U);
}

// It beats no more, so nothing but the order store tells it.
TEST_F(PlacementTest, AProcessThatWasReplacedTakesNoShardBack) {
  Node old(*this, "a", 1);
  live({&old}, 1s);
  Node fresh(*this, "a", 2);
  fresh.beat();
  for (int i = 0; i < 20; ++i) {
    clock_.advance(kLease / 10);
    fresh.beat();
    old.write_steps();
    EXPECT_EQ(fresh.shards.owned(), shard_ids());
  }
  EXPECT_TRUE(old.shards.owned().empty());
}

TEST_F(PlacementTest, ANodeThatLeavesSendsNewOrdersToTheOthers) {
  Node a(*this, "a");
  Node b(*this, "b");
  live({&a, &b}, 2s);
  b.placement.leave();
  EXPECT_EQ(b.placement.taking_orders(), shard_ids()) << "while its shards are on their way";
  b.write_steps();
  live({&a}, kBeat);
  EXPECT_EQ(b.placement.taking_orders(), shard_ids());
  a.placement.leave();
  a.write_steps();
  EXPECT_TRUE(a.placement.taking_orders().empty()) << "nobody is left";
}

TEST_F(PlacementTest, ANodeThatDiffersMayNotJoinAndNobodyNoticesIt) {
  Node a(*this, "a", 1, "region.name=south\nshards.count=4\n");
  live({&a}, 1s);
  Node b(*this, "b", 1, "region.name=south\nshards.count=8\n");
  const auto refused = b.placement.step();
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
  EXPECT_EQ(refused.error().field, "shards.count");
  EXPECT_THAT(refused.error().detail, testing::AllOf(testing::HasSubstr("is 8 here and 4 on the node a")));
  EXPECT_EQ(members_.members().value().size(), 1U);
  Node like_a(*this, "c", 1, "region.name=south\nshards.count=4\n");
  EXPECT_TRUE(like_a.placement.step().has_value());
}

// Both looked before the other was to be seen.
TEST_F(PlacementTest, OfTwoThatDifferAndComeAtOnceNoneSeesTheOtherTooLate) {
  Node a(*this, "a", 1, "shards.count=4\n");
  ASSERT_TRUE(members_.beat({"b", "b:7000", "shards.count=8\n"}, 1, kLease).has_value());
  EXPECT_EQ(a.placement.step().error().field, "shards.count");
}

TEST_F(PlacementTest, AFactMayChangeWhenNoOtherNodeLivesAndARunningNodeStays) {
  Node a(*this, "a", 1, "shards.count=4\n");
  live({&a}, 1s);
  Node again(*this, "a", 2, "shards.count=8\n");
  EXPECT_TRUE(again.placement.step().has_value()) << "it replaces itself";
  ASSERT_TRUE(members_.beat({"b", "b:7000", "shards.count=16\n"}, 1, kLease).has_value());
  EXPECT_TRUE(again.placement.step().has_value()) << "the one that comes is refused, not this one";
  Node old_program(*this, "c", 1, "");
  EXPECT_TRUE(old_program.placement.step().has_value());
}

}  // namespace
}  // namespace hongbao
