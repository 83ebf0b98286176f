// Who owns a shard: taking it, keeping its lease, giving it back, and finding out that it was lost. Two processes on
// one store, played step by step.
#include <gtest/gtest.h>

#include <optional>

#include "adapters/memory/log_voucher_stream.h"
#include "shard/shard.h"
#include "support/faulty_order_store.h"
#include "support/manual_clock.h"
#include "support/memory_order_store.h"
#include "support/shard_options.h"

namespace hongbao::lease_test {
namespace {

using namespace std::chrono_literals;

constexpr ShardId kShard{Region::kSouth, 7};
constexpr auto kLease = 3'000ms;
constexpr auto kNow = 0ms;  // a step that waits for nothing

UserId user(const std::string& name) {
  return UserId::trusted(name);
}

ShardOptions options(const std::string& owner) {
  ShardOptions made = test_shard_options();
  made.owner = owner;
  made.lease = kLease;
  return made;
}

class LeaseTest : public testing::Test {
 protected:
  // One process's view of the shard.
  struct Process {
    Process(LeaseTest& test, const std::string& name)
        : store(test.store_),
          shard(kShard, store, test.stream_, test.clock_, options(name), registry),
          clock(test.clock_) {}

    std::optional<Result<ShardAnswer>> ask(Command command) {
      auto answer = std::make_shared<std::optional<Result<ShardAnswer>>>();
      shard.submit(std::move(command), clock.steady_now() + 10s, [answer](Result<ShardAnswer> got) { *answer = got; });
      for (int i = 0; i < 4 && !*answer; ++i) {
        shard.write_step(kNow);
        shard.load_step(kNow);
      }
      return *answer;
    }
    ErrorCode refusal(Command command) {
      const auto answer = ask(std::move(command));
      return answer && !*answer ? answer->error().code : ErrorCode::kInternal;
    }
    ShardState state() { return shard.status().state; }
    void take() {
      shard.want(true);
      shard.write_step(kNow);
      ASSERT_EQ(state(), ShardState::kServing);
    }

    FaultyOrderStore store;
    prometheus::Registry registry;
    Shard shard;
    ManualClock& clock;
  };

  PacketKey activate(Process& at) {
    const Order order{.key = at.shard.new_packet_key(clock_.now()).value(),
                      .sender = user("sender"),
                      .total = Money(100),
                      .count = 10,
                      .created_at = clock_.now(),
                      .payable_until = clock_.now() + 1h};
    EXPECT_EQ(at.ask(ActivateCommand{order}).value().value().outcome, ShardOutcome::kDone);
    return order.key;
  }
  uint32_t seq(Process& at, const PacketKey& key, const std::string& taker) {
    return at.ask(OpenCommand{key, user(taker)}).value().value().open.share->seq;
  }
  std::optional<OpenOutcome> look(Process& at, const PacketKey& key, const std::string& taker) {
    const auto seen = at.shard.gate().look(key, user(taker), clock_.now());
    return seen ? std::optional(seen->outcome) : std::nullopt;
  }

  ManualClock clock_{{1'790'000'000'000}};
  MemoryOrderStore store_{kShard, clock_};
  LogVoucherStream stream_{{{kShard, &store_}}};
  Process a_{*this, "a"};
  Process b_{*this, "b"};
};

TEST_F(LeaseTest, AShardThatIsNotWantedIsAwayAndRefusesEverything) {
  EXPECT_EQ(a_.refusal(LoadCommand{{kShard, Day{20'779}, LocalNo::of(1, 0)}}), ErrorCode::kFenced);
  EXPECT_EQ(a_.shard.new_packet_key(clock_.now()).error().code, ErrorCode::kFenced);
  EXPECT_FALSE(a_.shard.takes_orders());
}

TEST_F(LeaseTest, AnotherProcessTakesOverWhenTheLeaseLapsed) {
  a_.take();
  const PacketKey key = activate(a_);
  EXPECT_EQ(seq(a_, key, "ann"), 1U);
  b_.shard.want(true);
  b_.shard.write_step(kNow);
  EXPECT_EQ(b_.state(), ShardState::kAway) << "the lease stands";
  clock_.advance(kLease);
  b_.shard.write_step(kNow);
  EXPECT_EQ(b_.state(), ShardState::kServing);
  EXPECT_EQ(seq(b_, key, "bob"), 2U);
}

TEST_F(LeaseTest, ATakerTriesAgainOnlyAfterItsPause) {
  a_.take();
  b_.shard.want(true);
  b_.shard.write_step(kNow);
  ASSERT_TRUE(store_.release(1));
  b_.shard.write_step(kNow);
  EXPECT_EQ(b_.state(), ShardState::kAway);
  clock_.advance(ShardOptions().acquire_pause);
  b_.shard.write_step(kNow);
  EXPECT_EQ(b_.state(), ShardState::kServing);
}

TEST_F(LeaseTest, AShardThatIsNoLongerWantedIsGivenBackAndTakenAtOnce) {
  a_.take();
  const PacketKey key = activate(a_);
  EXPECT_EQ(seq(a_, key, "ann"), 1U);
  a_.shard.want(false);
  EXPECT_EQ(a_.refusal(OpenCommand{key, user("ann")}), ErrorCode::kFenced);
  EXPECT_EQ(look(a_, key, "ann"), std::nullopt);
  b_.take();
  EXPECT_EQ(seq(b_, key, "ann"), 1U);
}

TEST_F(LeaseTest, AnOwnerThatSleptAnswersNothingFromMemory) {
  a_.take();
  const PacketKey key = activate(a_);
  EXPECT_EQ(seq(a_, key, "ann"), 1U);
  ASSERT_EQ(look(a_, key, "ann"), OpenOutcome::kOpened);
  clock_.advance(kLease);
  b_.take();
  EXPECT_EQ(look(a_, key, "ann"), std::nullopt);
  EXPECT_EQ(a_.shard.new_packet_key(clock_.now()).error().code, ErrorCode::kFenced);
  EXPECT_EQ(a_.refusal(OpenCommand{key, user("ann")}), ErrorCode::kFenced) << "though nothing would be written";
  EXPECT_EQ(a_.refusal(OpenCommand{key, user("bob")}), ErrorCode::kFenced);
  EXPECT_EQ(a_.state(), ShardState::kAway);
  EXPECT_EQ(seq(b_, key, "bob"), 2U);
}

TEST_F(LeaseTest, AnOwnerThatSleptUnnoticedGoesOn) {
  a_.take();
  const PacketKey key = activate(a_);
  clock_.advance(kLease * 2);
  EXPECT_EQ(look(a_, key, "ann"), std::nullopt);
  EXPECT_EQ(seq(a_, key, "ann"), 1U);
  EXPECT_EQ(look(a_, key, "ann"), OpenOutcome::kOpened);
  EXPECT_EQ(a_.shard.status().epoch, 1U);
}

TEST_F(LeaseTest, AnIdleOwnerRenewsItsLeaseInTime) {
  a_.take();
  for (int i = 0; i < 10; ++i) {
    clock_.advance(kLease / 2);
    a_.shard.write_step(kNow);
    EXPECT_TRUE(a_.shard.owns());
    EXPECT_EQ(b_.store.acquire("b", kLease).error().code, ErrorCode::kFenced);
  }
}

TEST_F(LeaseTest, CommitsRenewTheLeaseWithoutBeingAsked) {
  a_.take();
  const PacketKey key = activate(a_);
  for (int i = 0; i < 10; ++i) {
    clock_.advance(kLease / 4);
    (void)seq(a_, key, "taker" + std::to_string(i));
  }
  EXPECT_EQ(a_.store.renewals(), 0);
  EXPECT_TRUE(a_.shard.owns());
}

TEST_F(LeaseTest, AFailedRenewalIsBorneWhileTheLeaseStands) {
  a_.take();
  const PacketKey key = activate(a_);
  a_.store.fail_next_renewals(1'000);
  clock_.advance(kLease / 2);
  EXPECT_EQ(seq(a_, key, "ann"), 1U) << "and the commit renewed it";
  clock_.advance(kLease);
  EXPECT_EQ(seq(a_, key, "bob"), 2U);
  EXPECT_EQ(a_.shard.status().epoch, 2U) << "it could not know, and took the shard again";
}

TEST_F(LeaseTest, ACommitInDoubtIsResolvedThoughTheShardWentToAnother) {
  for (const CommitFault fault : {CommitFault::kLanded, CommitFault::kLost}) {
    a_.take();
    const PacketKey key = activate(a_);
    a_.store.fail_next_commit(fault);
    std::optional<Result<ShardAnswer>> answer;
    a_.shard.submit(OpenCommand{key, user("ann")}, clock_.steady_now() + 10s, [&](auto got) { answer = got; });
    a_.shard.write_step(kNow);
    a_.shard.load_step(kNow);
    ASSERT_EQ(a_.state(), ShardState::kRecovering);
    clock_.advance(kLease);
    b_.take();
    EXPECT_EQ(seq(b_, key, "bob"), fault == CommitFault::kLanded ? 2U : 1U);
    a_.shard.write_step(kNow);
    EXPECT_EQ(a_.state(), ShardState::kAway);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->has_value(), fault == CommitFault::kLanded);
    b_.shard.want(false);
    b_.shard.write_step(kNow);
    a_.shard.want(false);
    clock_.advance(ShardOptions().acquire_pause);
  }
}

TEST_F(LeaseTest, WhatWasReadBeforeAnothersTimeIsNotBelieved) {
  a_.take();
  const PacketKey key = activate(a_);
  a_.shard.want(false);
  a_.shard.write_step(kNow);
  clock_.advance(ShardOptions().acquire_pause);
  a_.take();
  std::optional<ErrorCode> refused;
  a_.shard.submit(LoadCommand{key}, clock_.steady_now() + 10s, [&](auto got) { refused = got.error().code; });
  a_.shard.write_step(kNow);  // asks the loader
  a_.shard.load_step(kNow);   // which reads the packet without shares
  a_.shard.want(false);
  a_.shard.write_step(kNow);
  EXPECT_EQ(refused, ErrorCode::kFenced);
  b_.take();
  EXPECT_EQ(seq(b_, key, "bob"), 1U);
  b_.shard.want(false);
  b_.shard.write_step(kNow);
  a_.shard.want(true);
  clock_.advance(ShardOptions().acquire_pause);
  EXPECT_EQ(seq(a_, key, "ann"), 2U);
}

}  // namespace
}  // namespace hongbao::lease_test
