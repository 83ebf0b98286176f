// The contract of ports/membership.h, against every adapter.
#include "ports/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/backends.h"

namespace hongbao::membership_test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr milliseconds kLong{3'600'000};
constexpr milliseconds kShort{600'000};   // no test takes so long
constexpr milliseconds kLonger{700'000};  // than kShort

const Member kAnn{"ann", "127.0.0.1:1"};
const Member kBob{"bob", "127.0.0.1:2"};

class MembershipContract : public testing::TestWithParam<BackendMaker<Membership>> {
 protected:
  Membership& nodes() { return backend_->store(); }
  ErrorCode refusal(const Member& self, uint64_t incarnation) {
    const auto members = nodes().beat(self, incarnation, kLong);
    return members ? ErrorCode::kInternal : members.error().code;
  }

  std::unique_ptr<MembershipBackend> backend_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Adapters, MembershipContract, testing::ValuesIn(membership_backends()),
                         backend_name<Membership>);

TEST_P(MembershipContract, NobodyLivesAtFirst) {
  EXPECT_THAT(nodes().members().value(), IsEmpty());
}

TEST_P(MembershipContract, ABeatReturnsAllThatLiveByName) {
  EXPECT_THAT(nodes().beat(kBob, 1, kLong).value(), ElementsAre(kBob));
  EXPECT_THAT(nodes().beat(kAnn, 1, kLong).value(), ElementsAre(kAnn, kBob));
  EXPECT_THAT(nodes().members().value(), ElementsAre(kAnn, kBob));
}

TEST_P(MembershipContract, ANodeThatBeatsNoMoreIsGoneAfterItsLease) {
  ASSERT_TRUE(nodes().beat(kAnn, 1, kShort).has_value());
  EXPECT_THAT(nodes().beat(kBob, 1, kLong).value(), ElementsAre(kAnn, kBob));
  backend_->pass(kLonger);
  EXPECT_THAT(nodes().members().value(), ElementsAre(kBob));
  EXPECT_THAT(nodes().beat(kBob, 1, kLong).value(), ElementsAre(kBob));
}

TEST_P(MembershipContract, EachBeatBeginsTheLeaseAnew) {
  ASSERT_TRUE(nodes().beat(kAnn, 1, kShort).has_value());
  ASSERT_TRUE(nodes().beat(kAnn, 1, kLong).has_value());
  backend_->pass(kLonger);
  EXPECT_THAT(nodes().members().value(), ElementsAre(kAnn));
  ASSERT_TRUE(nodes().beat(kAnn, 1, milliseconds(0)).has_value());
  EXPECT_THAT(nodes().members().value(), IsEmpty()) << "a shorter lease counts as well";
}

TEST_P(MembershipContract, ANodeMayMove) {
  ASSERT_TRUE(nodes().beat(kAnn, 1, kLong).has_value());
  const Member moved{"ann", "127.0.0.1:3"};
  EXPECT_THAT(nodes().beat(moved, 2, kLong).value(), ElementsAre(moved));
}

TEST_P(MembershipContract, FactsAreKeptAsTheLatestBeatHasThem) {
  const Member first{"ann", "127.0.0.1:1", "shards.count=4\nregion.name=south\n"};
  ASSERT_TRUE(nodes().beat(first, 2, kLong).has_value());
  EXPECT_THAT(nodes().members().value(), ElementsAre(first));
  EXPECT_EQ(refusal({"ann", "127.0.0.1:1", "shards.count=8\n"}, 1), ErrorCode::kFenced);
  EXPECT_THAT(nodes().members().value(), ElementsAre(first));
  const Member changed{"ann", "127.0.0.1:1", "shards.count=8\n"};
  EXPECT_THAT(nodes().beat(changed, 3, kLong).value(), ElementsAre(changed));
}

TEST_P(MembershipContract, ALaterIncarnationTakesTheNameAndAnEarlierIsFenced) {
  ASSERT_TRUE(nodes().beat(kAnn, 1, kShort).has_value());
  const Member later{"ann", "127.0.0.1:3"};
  ASSERT_TRUE(nodes().beat(later, 2, kShort).has_value());
  EXPECT_EQ(refusal(kAnn, 1), ErrorCode::kFenced);
  EXPECT_THAT(nodes().members().value(), ElementsAre(later));
  backend_->pass(kLonger);
  EXPECT_THAT(nodes().members().value(), IsEmpty()) << "what was refused lengthened no lease";
}

// A node whose clock was set back between two starts has a lower incarnation than before, and comes back all the same.
TEST_P(MembershipContract, AnEarlierIncarnationMayComeWhenTheLaterLivesNoMore) {
  ASSERT_TRUE(nodes().beat(kAnn, 5, kShort).has_value());
  EXPECT_EQ(refusal(kAnn, 4), ErrorCode::kFenced);
  backend_->pass(kLonger);
  EXPECT_THAT(nodes().beat(kAnn, 4, kLong).value(), ElementsAre(kAnn));
  EXPECT_TRUE(nodes().leave("ann", 4).has_value());
  EXPECT_THAT(nodes().beat(kAnn, 3, kLong).value(), ElementsAre(kAnn));
}

TEST_P(MembershipContract, ANodeThatLeavesIsGoneAtOnce) {
  ASSERT_TRUE(nodes().beat(kAnn, 1, kLong).has_value());
  ASSERT_TRUE(nodes().beat(kBob, 1, kLong).has_value());
  EXPECT_TRUE(nodes().leave("ann", 1).has_value());
  EXPECT_THAT(nodes().members().value(), ElementsAre(kBob));
  EXPECT_TRUE(nodes().leave("nobody", 1).has_value());
  EXPECT_THAT(nodes().beat(kAnn, 1, kLong).value(), ElementsAre(kAnn, kBob)) << "it may come back";
}

TEST_P(MembershipContract, AnEarlierIncarnationCantLeaveForALaterOne) {
  ASSERT_TRUE(nodes().beat(kAnn, 2, kLong).has_value());
  EXPECT_TRUE(nodes().leave("ann", 1).has_value());
  EXPECT_THAT(nodes().members().value(), ElementsAre(kAnn));
}

TEST_P(MembershipContract, ANodeThatFellSilentIsKnownForAWhileUnlikeOneThatLeft) {
  ASSERT_TRUE(nodes().beat(kAnn, 1, kShort).has_value());
  ASSERT_TRUE(nodes().beat({"carl", "127.0.0.1:4"}, 1, kLong).has_value());
  ASSERT_TRUE(nodes().leave("carl", 1).has_value());
  backend_->pass(kLonger);
  ASSERT_TRUE(nodes().beat(kBob, 1, kLong).has_value());
  const auto known = nodes().known(kLong).value();
  ASSERT_EQ(known.size(), 2U);
  EXPECT_EQ(known[0].member, kAnn);
  EXPECT_LT(known[0].lease_left, milliseconds(0));
  EXPECT_EQ(known[1].member, kBob);
  EXPECT_GT(known[1].lease_left, kLong / 2);
  EXPECT_EQ(nodes().known(milliseconds(1)).value().size(), 1U) << "forgotten by then";
}

TEST_P(MembershipContract, NamesDifferByCase) {
  const Member other{"Ann", "127.0.0.1:9"};
  ASSERT_TRUE(nodes().beat(kAnn, 1, kLong).has_value());
  EXPECT_THAT(nodes().beat(other, 1, kLong).value(), ElementsAre(other, kAnn));
}

TEST_P(MembershipContract, WhoLivesIsKnownToAProcessThatComesLater) {
  ASSERT_TRUE(nodes().beat(kAnn, 2, kLong).has_value());
  backend_->reopen();
  EXPECT_THAT(nodes().members().value(), ElementsAre(kAnn));
  EXPECT_EQ(refusal(kAnn, 1), ErrorCode::kFenced);
}

}  // namespace
}  // namespace hongbao::membership_test
