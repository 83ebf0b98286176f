// The Forwarder over a link and a timer that a test plays: where a call goes, when it is tried again, and what is told
// of one that nobody answered.
#include "routing/forwarder.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "routing/codec.h"

namespace hongbao::forwarder_test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeout{1'000};
constexpr milliseconds kPause{30};
const PacketKey kKey{{Region::kSouth, 7}, Day{20'779}, LocalNo{1}};

class TestClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {}; }
  [[nodiscard]] SteadyTime steady_now() const override { return time; }
  SteadyTime time{std::chrono::hours(1)};
};

// Keeps what was asked until the test answers it.
class TestLink final : public NodeLink {
 public:
  struct Asked {
    std::string node;
    std::optional<PacketCall> call;
    Done<std::string_view> done;
  };
  void call(const Member& node, std::string_view call, uint64_t /*flow*/, SteadyTime deadline,
            Done<std::string_view> done) override {
    asked.push_back({node.node, decode_call(call, deadline), std::move(done)});
  }
  void answer(const Result<PacketAnswer>& answer) {
    std::string bytes;
    encode(answer, bytes);
    tell(std::string_view(bytes));
  }
  void tell(Result<std::string_view> told) {
    Asked first = std::move(asked.front());
    asked.pop_front();
    first.done(std::move(told));
  }

  std::deque<Asked> asked;
};

class TestTimer final : public RetryTimer {
 public:
  void run_at(SteadyTime at, std::move_only_function<void(bool)> task) override {
    tasks.emplace_back(at, std::move(task));
  }
  std::deque<std::pair<SteadyTime, std::move_only_function<void(bool)>>> tasks;
};

PacketCall open_call(SteadyTime deadline) {
  return {OpenCall{UserId::trusted("bob"), kKey, "ticket"}, deadline};
}
PacketCall view_call(SteadyTime deadline) {
  return {ViewCall{UserId::trusted("bob"), kKey}, deadline};
}
PacketCall pay_call(SteadyTime deadline) {
  SealedOrder ordered{{.key = kKey, .sender = UserId::trusted("alice"), .total = Money(5), .count = 5}, "token"};
  return {PayCall{UserId::trusted("alice"), kKey, std::move(ordered)}, deadline};
}
Result<PacketAnswer> opened() {
  return PacketAnswer(OpenAnswer{OpenOutcome::kExhausted});
}

class ForwarderTest : public testing::Test {
 protected:
  using Where = Route::Where;

  void bring(PacketCall call) {
    forwarder_.bring(std::move(call), [this](Brought brought) {
      EXPECT_FALSE(told_);
      told_ = std::move(brought);
    });
  }
  SteadyTime deadline() { return clock_.time + kTimeout; }
  void at(Where where) { route_ = {.where = where, .is_away = where != Where::kHere}; }
  void at_node(const std::string& name) {
    route_ = {.where = Where::kNode, .node = {name, name + ":1"}, .is_away = true};
  }
  // What is to be said here, in this order.
  void says(Result<PacketAnswer> answer) { here_.push_back(std::move(answer)); }
  void pause_is_over() {
    ASSERT_EQ(timer_.tasks.size(), 1);
    auto [time, task] = std::move(timer_.tasks.front());
    timer_.tasks.pop_front();
    EXPECT_EQ(time, clock_.time + kPause);
    clock_.time = time;
    task(true);
  }
  void expect_told(ErrorCode code) {
    ASSERT_TRUE(told_ && !told_->answer);
    EXPECT_EQ(told_->answer.error().code, code) << told_->answer.error().detail;
    EXPECT_EQ(told_->owner, "");
  }
  void expect_opened(const std::string& owner) {
    ASSERT_TRUE(told_ && told_->answer);
    EXPECT_TRUE(std::holds_alternative<OpenAnswer>(*told_->answer));
    EXPECT_EQ(told_->owner, owner);
  }

  prometheus::Registry registry_;
  TestClock clock_;
  TestLink link_;
  TestTimer timer_;
  Route route_;
  std::deque<Result<PacketAnswer>> here_;
  int carried_out_ = 0;
  std::function<void()> meanwhile_ = [] {};  // while a call is carried out here
  std::optional<Brought> told_;
  Forwarder forwarder_{[this](ShardId shard) {
                         EXPECT_EQ(shard, kKey.shard);
                         return route_;
                       },
                       [this](const PacketCall& /*call*/, Done<PacketAnswer> done) {
                         ++carried_out_;
                         meanwhile_();
                         auto answer =
                             here_.empty() ? fail(ErrorCode::kInternal, "unexpected") : std::move(here_.front());
                         here_.pop_front();
                         done(std::move(answer));
                       },
                       link_,
                       timer_,
                       clock_,
                       {.retry_pause = kPause, .calls_waiting_max = 2},
                       registry_};
};

TEST_F(ForwarderTest, WhatThisNodeOwnsIsCarriedOutHere) {
  at(Where::kHere);
  says(opened());
  bring(open_call(deadline()));
  expect_opened("");
  EXPECT_TRUE(link_.asked.empty());
}

TEST_F(ForwarderTest, WhatAnotherNodeOwnsIsSentThereAndTheAnswerNamesIt) {
  at_node("bob");
  bring(open_call(deadline()));
  ASSERT_EQ(link_.asked.size(), 1);
  EXPECT_EQ(link_.asked.front().node, "bob");
  ASSERT_TRUE(link_.asked.front().call);
  EXPECT_EQ(std::get<OpenCall>(link_.asked.front().call->what).ticket, "ticket");
  link_.answer(opened());
  expect_opened("bob");
  EXPECT_EQ(carried_out_, 0);
}

TEST_F(ForwarderTest, WhatTheOwnerRefusesIsToldWithItsName) {
  at_node("bob");
  bring(open_call(deadline()));
  link_.answer(fail(ErrorCode::kTicketExpired, "too late"));
  ASSERT_TRUE(told_ && !told_->answer);
  EXPECT_EQ(told_->answer.error().code, ErrorCode::kTicketExpired);
  EXPECT_EQ(told_->owner, "bob");
}

TEST_F(ForwarderTest, NobodyKnownIsAskedForAgainUntilTheDeadline) {
  at(Where::kNobodyKnown);
  bring(open_call(deadline()));
  int pauses = 0;
  while (!told_) {
    pause_is_over();
    ++pauses;
  }
  EXPECT_EQ(pauses, (kTimeout.count() - 1) / kPause.count());
  expect_told(ErrorCode::kUnavailable);
}

TEST_F(ForwarderTest, TheOwnerThatAppearsMeanwhileIsAsked) {
  at(Where::kNobodyKnown);
  bring(open_call(deadline()));
  at_node("bob");
  pause_is_over();
  link_.answer(opened());
  expect_opened("bob");
}

TEST_F(ForwarderTest, TheOwnerIsLookedForBeforeEveryTry) {
  at_node("bob");
  bring(open_call(deadline()));
  link_.answer(fail(ErrorCode::kFenced));
  at_node("carol");
  pause_is_over();
  EXPECT_EQ(link_.asked.front().node, "carol");
  link_.tell(fail(ErrorCode::kUnavailable));
  at(Where::kHere);
  says(opened());
  pause_is_over();
  expect_opened("");
}

TEST_F(ForwarderTest, ALinkThatRefusesLeavesNoDoubt) {
  at_node("bob");
  bring(open_call(clock_.time + kPause));
  link_.tell(fail(ErrorCode::kUnavailable, "not connected"));
  expect_told(ErrorCode::kUnavailable);
}

TEST_F(ForwarderTest, ACallThatIsLostOnItsWayIsInDoubt) {
  at_node("bob");
  bring(open_call(deadline()));
  link_.tell(fail(ErrorCode::kOutcomeUnknown, "lost"));
  pause_is_over();
  link_.tell(fail(ErrorCode::kOverloaded, "at the link"));
  expect_told(ErrorCode::kOutcomeUnknown);
}

TEST_F(ForwarderTest, ARefusalAfterALostTryIsNoWordOnWhatTheFirstTryDid) {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kOverloaded, ErrorCode::kPacketBusy,
                               ErrorCode::kDeadlineExceeded, ErrorCode::kSwitchedOff, ErrorCode::kShuttingDown}) {
    told_.reset();
    at_node("bob");
    bring(pay_call(deadline()));
    link_.tell(fail(ErrorCode::kOutcomeUnknown));
    pause_is_over();
    link_.answer(fail(code));
    expect_told(ErrorCode::kOutcomeUnknown);
  }
}

TEST_F(ForwarderTest, WhatMayHaveBeenOtherwiseForTheLostTryIsNoWordOnWhatThatDid) {
  at_node("bob");
  for (const ErrorCode code : {ErrorCode::kTicketExpired, ErrorCode::kPayTokenExpired, ErrorCode::kInsufficientFunds,
                               ErrorCode::kAccountFrozen, ErrorCode::kUnauthenticated, ErrorCode::kTokenExpired,
                               ErrorCode::kSignatureInvalid}) {
    told_.reset();
    bring(code == ErrorCode::kTicketExpired ? open_call(deadline()) : pay_call(deadline()));
    link_.tell(fail(ErrorCode::kOutcomeUnknown));
    pause_is_over();
    link_.answer(fail(code));
    expect_told(ErrorCode::kOutcomeUnknown);
  }
}

TEST_F(ForwarderTest, WhatTheOwnerKnowsIsToldAlsoAfterALostTry) {
  at_node("bob");
  bring(pay_call(deadline()));
  link_.tell(fail(ErrorCode::kOutcomeUnknown));
  pause_is_over();
  link_.answer(fail(ErrorCode::kAlreadySent));
  ASSERT_TRUE(told_ && !told_->answer);
  EXPECT_EQ(told_->answer.error().code, ErrorCode::kAlreadySent);
}

TEST_F(ForwarderTest, ReadsAreNeverInDoubt) {
  at(Where::kNode);
  route_.is_away = false;
  bring(view_call(deadline()));
  link_.tell(fail(ErrorCode::kOutcomeUnknown));
  pause_is_over();
  link_.answer(fail(ErrorCode::kUnavailable));
  ASSERT_TRUE(told_ && !told_->answer);
  EXPECT_EQ(told_->answer.error().code, ErrorCode::kUnavailable);
}

TEST_F(ForwarderTest, AnOwnerThatDoesNotAnswerIsNotTakenForNoOwner) {
  at_node("bob");
  says(fail(ErrorCode::kFenced));
  bring(view_call(clock_.time + kPause));
  link_.tell(fail(ErrorCode::kOutcomeUnknown));
  expect_told(ErrorCode::kDeadlineExceeded);
  told_.reset();
  bring(open_call(clock_.time + kPause));
  link_.tell(fail(ErrorCode::kOutcomeUnknown));
  expect_told(ErrorCode::kOutcomeUnknown);
}

TEST_F(ForwarderTest, WhatTheLinkCantCarryEndsTheCall) {
  for (const ErrorCode code : {ErrorCode::kOverloaded, ErrorCode::kBodyTooLarge, ErrorCode::kInternal}) {
    told_.reset();
    at_node("bob");
    bring(open_call(deadline()));
    link_.tell(fail(code));
    expect_told(code);
  }
}

TEST_F(ForwarderTest, WhatIsNoAnswerLeavesTheOutcomeUnknownAndIsAskedAgain) {
  at_node("bob");
  bring(open_call(clock_.time + 2 * kPause + milliseconds(1)));
  link_.tell(std::string_view("\xff"));
  pause_is_over();
  link_.answer(PacketAnswer(PreOrder{{.key = kKey}, "t", ""}));  // to another call
  pause_is_over();
  link_.tell(fail(ErrorCode::kUnavailable));
  expect_told(ErrorCode::kOutcomeUnknown);
}

TEST_F(ForwarderTest, AShardThatIsGivenAwayWhileTheCallWaitsHereIsFollowedAtOnce) {
  at(Where::kHere);
  says(fail(ErrorCode::kFenced));
  meanwhile_ = [this] { at_node("bob"); };
  bring(open_call(deadline()));
  ASSERT_EQ(link_.asked.size(), 1);
  link_.answer(fail(ErrorCode::kPacketBusy));
  expect_told(ErrorCode::kOutcomeUnknown);
}

TEST_F(ForwarderTest, AShardThatKeepsRefusingHereIsAskedAfterPauses) {
  at(Where::kHere);
  says(fail(ErrorCode::kFenced));
  says(fail(ErrorCode::kFenced));
  says(opened());
  bring(open_call(deadline()));
  EXPECT_EQ(carried_out_, 2);
  pause_is_over();
  expect_opened("");
}

TEST_F(ForwarderTest, APaymentWhoseShardLeftGoesOnAtTheOwnerWhateverWasSaidHere) {
  at(Where::kHere);
  says(fail(ErrorCode::kOutcomeUnknown, "it was paid but is not active yet"));
  meanwhile_ = [this] { at_node("bob"); };
  bring(pay_call(deadline()));
  ASSERT_EQ(link_.asked.size(), 1);
  link_.answer(fail(ErrorCode::kUnavailable));
  expect_told(ErrorCode::kOutcomeUnknown);
}

TEST_F(ForwarderTest, APaymentThatAnotherNodeBroughtIsSentOnWhenTheShardLeft) {
  std::vector<ErrorCode> told;
  const auto carry_out = [&](PacketCall call) {
    forwarder_.carry_out(call, [&](Result<PacketAnswer> answer) { told.push_back(answer.error().code); });
  };
  at(Where::kHere);
  says(fail(ErrorCode::kInsufficientFunds));
  carry_out(pay_call(deadline()));
  at_node("bob");
  says(fail(ErrorCode::kUnavailable));
  carry_out(pay_call(deadline()));
  says(fail(ErrorCode::kTicketExpired));
  carry_out(open_call(deadline()));
  EXPECT_EQ(told, std::vector({ErrorCode::kInsufficientFunds, ErrorCode::kFenced, ErrorCode::kTicketExpired}));
}

TEST_F(ForwarderTest, APaymentThatMovedNoMoneyIsToldSoThoughTheShardLeft) {
  for (const ErrorCode code : {ErrorCode::kInsufficientFunds, ErrorCode::kAccountFrozen, ErrorCode::kPayTokenExpired}) {
    told_.reset();
    at(Where::kHere);
    says(fail(code));
    meanwhile_ = [this] { at_node("bob"); };
    bring(pay_call(deadline()));
    EXPECT_TRUE(link_.asked.empty());
    expect_told(code);
  }
}

TEST_F(ForwarderTest, AViewIsLookedForInTheCachesHereOnceAndThenAtTheOwner) {
  at_node("bob");
  says(fail(ErrorCode::kFenced));
  bring(view_call(deadline()));
  EXPECT_EQ(carried_out_, 1);
  link_.tell(fail(ErrorCode::kUnavailable));
  pause_is_over();
  EXPECT_EQ(carried_out_, 1);
  link_.answer(fail(ErrorCode::kNotFound));
  ASSERT_TRUE(told_ && !told_->answer);
  EXPECT_EQ(told_->owner, "bob");
}

TEST_F(ForwarderTest, NothingElseIsCarriedOutWhereTheShardIsAway) {
  at_node("bob");
  bring(open_call(deadline()));
  at(Where::kNobodyKnown);
  bring(pay_call(deadline()));
  EXPECT_EQ(carried_out_, 0);
}

TEST_F(ForwarderTest, AShardThatIsNotThereIsToldAtOnceByWhatIsHere) {
  for (const Where where : {Where::kNoSuchShard, Where::kOtherRegion}) {
    told_.reset();
    at(where);
    says(fail(ErrorCode::kPayTokenInvalid));
    bring(pay_call(deadline()));
    expect_told(ErrorCode::kPayTokenInvalid);
  }
}

TEST_F(ForwarderTest, WhatWaitsIsBounded) {
  at(Where::kNobodyKnown);
  std::vector<Brought> told;
  for (int i = 0; i < 3; ++i) {
    forwarder_.bring(open_call(deadline()), [&](Brought brought) { told.push_back(std::move(brought)); });
  }
  ASSERT_EQ(told.size(), 1);
  EXPECT_EQ(told.front().answer.error().code, ErrorCode::kOverloaded);
  timer_.tasks.front().second(true);  // has its place again
  timer_.tasks.pop_front();
  EXPECT_EQ(timer_.tasks.size(), 2);
  EXPECT_EQ(told.size(), 1);
}

TEST_F(ForwarderTest, WhoWaitsWhileTheProcessEndsIsTold) {
  at(Where::kNobodyKnown);
  bring(open_call(deadline()));
  timer_.tasks.front().second(false);
  expect_told(ErrorCode::kShuttingDown);
}

TEST_F(ForwarderTest, WhoIsInDoubtWhileTheProcessEndsIsNotToldThatNothingWasDone) {
  at_node("bob");
  bring(open_call(deadline()));
  link_.tell(fail(ErrorCode::kOutcomeUnknown));
  timer_.tasks.front().second(false);
  expect_told(ErrorCode::kOutcomeUnknown);
}

}  // namespace
}  // namespace hongbao::forwarder_test
