#include "shard/shard.h"

#include <gtest/gtest.h>

#include <future>
#include <set>

#include "adapters/memory/log_voucher_stream.h"
#include "support/faulty_order_store.h"
#include "support/manual_clock.h"
#include "support/memory_order_store.h"
#include "support/shard_options.h"

namespace hongbao::shard_test {
namespace {

using namespace std::chrono_literals;

constexpr ShardId kShard{Region::kSouth, 3};
constexpr Timestamp kStart{1'795'000'000'000};

UserId user(int number) {
  return UserId::trusted("user" + std::to_string(number));
}

ShardOptions gathering(std::chrono::microseconds time, size_t commands_max) {
  ShardOptions options = test_shard_options();
  options.gather = time;
  options.gather_commands_max = commands_max;
  return options;
}

class ShardTest : public testing::Test {
 protected:
  ShardTest() { restart(); }
  ~ShardTest() override {
    store_.release_commits();
    store_.release_loads();
    store_.release_cold_loads();
  }

  void restart(ShardOptions options = test_shard_options()) {
    shard_.reset();
    registry_ = std::make_unique<prometheus::Registry>();
    options.recovery_pause_min = 1ms;
    options.recovery_pause_max = 2ms;
    shard_ = std::make_unique<Shard>(kShard, store_, stream_, clock_, options, *registry_);
    ASSERT_TRUE(shard_->acquire());
    shard_->start();
  }

  std::future<Result<ShardAnswer>> submit(Command command, std::chrono::milliseconds timeout = 10s) {
    auto promise = std::make_shared<std::promise<Result<ShardAnswer>>>();
    auto future = promise->get_future();
    shard_->submit(std::move(command), clock_.steady_now() + timeout,
                   [promise](Result<ShardAnswer> answer) { promise->set_value(std::move(answer)); });
    return future;
  }
  Result<ShardAnswer> ask(Command command) { return submit(std::move(command)).get(); }

  Order order(uint32_t count, Money total) {
    return {.key = shard_->new_packet_key(clock_.now()).value(),
            .sender = user(0),
            .total = total,
            .count = count,
            .created_at = clock_.now(),
            .payable_until = clock_.now() + 1h};
  }

  PacketKey activated(uint32_t count, Money total) {
    const Order made = order(count, total);
    EXPECT_EQ(ask(ActivateCommand{made}).value().outcome, ShardOutcome::kDone);
    return made.key;
  }

  Money opened_in_store(const PacketKey& key) {
    Money sum;
    const auto stored = inner_.load(key);
    for (const Voucher& voucher : (**stored).opened) {
      sum += voucher.amount;
    }
    return sum;
  }

  ManualClock clock_{kStart};
  MemoryOrderStore inner_{kShard};
  FaultyOrderStore store_{inner_};
  LogVoucherStream stream_{{{kShard, &store_}}};
  std::unique_ptr<prometheus::Registry> registry_;
  std::unique_ptr<Shard> shard_;
};

TEST_F(ShardTest, OpensEveryShareOnceAndTheySumUp) {
  const PacketKey key = activated(20, Money(777));
  std::vector<std::future<Result<ShardAnswer>>> answers;
  for (int i = 1; i <= 30; ++i) {
    answers.push_back(submit(OpenCommand{key, user(i)}));
  }
  Money sum;
  int opened = 0;
  for (auto& answer : answers) {
    const auto got = answer.get().value();
    if (got.open.outcome == OpenOutcome::kOpened) {
      sum += got.open.share->amount;
      ++opened;
    } else {
      EXPECT_EQ(got.open.outcome, OpenOutcome::kExhausted);
    }
  }
  EXPECT_EQ(opened, 20);
  EXPECT_EQ(sum, Money(777));
  EXPECT_EQ(opened_in_store(key), Money(777));
}

TEST_F(ShardTest, NoAnswerLeavesBeforeItsCommit) {
  const PacketKey key = activated(2, Money(10));
  store_.hold_commits();
  auto answer = submit(OpenCommand{key, user(1)});
  auto repeated = submit(OpenCommand{key, user(1)});
  EXPECT_EQ(answer.wait_for(50ms), std::future_status::timeout);
  EXPECT_EQ(repeated.wait_for(0ms), std::future_status::timeout);
  EXPECT_EQ(shard_->gate().look(key, user(1), clock_.now())->outcome, OpenOutcome::kTicket);
  store_.release_commits();
  const auto share = answer.get().value().open.share;
  EXPECT_EQ(repeated.get().value().open.share->amount, share->amount);
  EXPECT_EQ(shard_->gate().look(key, user(1), clock_.now())->outcome, OpenOutcome::kOpened);
}

TEST_F(ShardTest, AnOpenInTimeIsNotToldToBeTooLateWhileItsCommitHangs) {
  const PacketKey key = activated(2, Money(10));
  store_.hold_commits();
  auto opened = submit(OpenCommand{key, user(1)});
  while (store_.commits() < 2) {  // one was the activation
    std::this_thread::sleep_for(1ms);
  }
  clock_.advance(48h);
  EXPECT_FALSE(shard_->gate().look(key, user(1), clock_.now()));
  auto repeated = submit(OpenCommand{key, user(1)});
  auto behind = submit(LoadCommand{key});
  EXPECT_EQ(behind.wait_for(50ms), std::future_status::timeout);
  store_.release_commits();
  EXPECT_EQ(opened.get()->open.outcome, OpenOutcome::kOpened);
  EXPECT_TRUE(behind.get());
  EXPECT_EQ(shard_->gate().look_behind(key, user(1), clock_.now())->outcome, OpenOutcome::kOpened);
  EXPECT_EQ(shard_->gate().look_behind(key, user(2), clock_.now())->outcome, OpenOutcome::kExpired);
  EXPECT_EQ(repeated.get()->open.outcome, OpenOutcome::kOpened);
}

TEST_F(ShardTest, ACommitThatHangsIsToldWithTheTimeSinceItBegan) {
  const PacketKey key = activated(2, Money(10));
  clock_.advance(1ms);  // the epoch is nobody's time
  EXPECT_EQ(shard_->status().commit_pending, 0ms);
  store_.hold_commits();
  auto answer = submit(OpenCommand{key, user(1)});
  while (store_.commits() < 2) {  // one was the activation
    std::this_thread::yield();
  }
  clock_.advance(3s);
  EXPECT_EQ(shard_->status().commit_pending, 3s);
  EXPECT_EQ(shard_->status().state, ShardState::kServing);
  store_.release_commits();
  EXPECT_TRUE(answer.get());
  EXPECT_EQ(shard_->status().commit_pending, 0ms);
  EXPECT_EQ(shard_->status().lease_left, kLeaseForever);
}

TEST_F(ShardTest, ACommitInDoubtIsPendingUntilItIsResolved) {
  const PacketKey key = activated(2, Money(10));
  clock_.advance(1ms);
  store_.fail_next_commit(CommitFault::kLost);
  store_.fail_next_acquires(1'000'000);
  auto answer = submit(OpenCommand{key, user(1)});
  while (shard_->status().state != ShardState::kRecovering) {
    std::this_thread::yield();
  }
  clock_.advance(2s);
  EXPECT_GE(shard_->status().commit_pending, 2s);
  store_.fail_next_acquires(0);
  EXPECT_FALSE(answer.get());
  EXPECT_EQ(shard_->status().commit_pending, 0ms);
}

TEST_F(ShardTest, WhatGathersWhileOneBatchCommitsIsCommittedTogether) {
  const PacketKey key = activated(100, Money(10'000));
  store_.hold_commits();
  auto first = submit(OpenCommand{key, user(0)});
  while (store_.commits() < 2) {  // one was the activation
    std::this_thread::yield();
  }
  std::vector<std::future<Result<ShardAnswer>>> rest;
  for (int i = 1; i < 100; ++i) {
    rest.push_back(submit(OpenCommand{key, user(i)}));
  }
  store_.release_commits();
  EXPECT_EQ(first.get().value().open.outcome, OpenOutcome::kOpened);
  for (auto& answer : rest) {
    EXPECT_EQ(answer.get().value().open.outcome, OpenOutcome::kOpened);
  }
  EXPECT_EQ(store_.commits(), 3);
}

TEST_F(ShardTest, WhatComesSoonAfterACommitGathersForTheNextOne) {
  restart(gathering(1h, 11));
  const PacketKey key = activated(11, Money(100));
  std::vector<std::future<Result<ShardAnswer>>> answers;
  for (int i = 0; i < 10; ++i) {
    answers.push_back(submit(OpenCommand{key, user(i)}));
    std::this_thread::sleep_for(2ms);  // time enough to be committed alone
  }
  EXPECT_EQ(store_.commits(), 1) << "the activation: an hour has not passed";
  answers.push_back(submit(OpenCommand{key, user(10)}));
  for (auto& answer : answers) {
    EXPECT_EQ(answer.get().value().open.outcome, OpenOutcome::kOpened);
  }
  EXPECT_EQ(store_.commits(), 2) << "and all opens";
}

TEST_F(ShardTest, AfterItsTimeABatchDoesNotGatherOn) {
  restart(gathering(1ms, 1'000'000));
  const PacketKey key = activated(1, Money(100));
  EXPECT_EQ(ask(OpenCommand{key, user(1)}).value().open.outcome, OpenOutcome::kOpened);
}

TEST_F(ShardTest, ABatchThatHasGatheredEnoughDoesNotWait) {
  restart(gathering(1h, 10));
  const PacketKey key = activated(10, Money(100));
  std::vector<std::future<Result<ShardAnswer>>> answers;
  for (int i = 0; i < 10; ++i) {
    answers.push_back(submit(OpenCommand{key, user(i)}));
  }
  for (auto& answer : answers) {
    EXPECT_EQ(answer.get().value().open.outcome, OpenOutcome::kOpened);
  }
  EXPECT_EQ(store_.commits(), 2);
  restart();  // nor does one that stops
}

TEST_F(ShardTest, ACommitThatWasLostIsAnsweredAsNotDoneAndLeavesNothing) {
  const PacketKey key = activated(3, Money(30));
  store_.fail_next_commit(CommitFault::kLost);
  EXPECT_EQ(ask(OpenCommand{key, user(1)}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(opened_in_store(key), Money(0));
  // The shard goes on, and the same user can open.
  EXPECT_EQ(ask(OpenCommand{key, user(1)}).value().open.share->seq, 1U);
  EXPECT_EQ(shard_->status().epoch, 2U);
}

TEST_F(ShardTest, ACommitThatLandedThoughItsOutcomeWasUnknownIsAnsweredAsDone) {
  const PacketKey key = activated(3, Money(30));
  store_.fail_next_commit(CommitFault::kLanded);
  const auto first = ask(OpenCommand{key, user(1)}).value();
  EXPECT_EQ(first.open.outcome, OpenOutcome::kOpened);
  const auto again = ask(OpenCommand{key, user(1)}).value();
  EXPECT_EQ(again.open.share->amount, first.open.share->amount);
  EXPECT_EQ(again.open.share->voucher, first.open.share->voucher);
  EXPECT_EQ(opened_in_store(key), first.open.share->amount);
}

TEST_F(ShardTest, AnswersUnknownWhenTheStoreStaysAwayBeyondTheDeadline) {
  const PacketKey key = activated(3, Money(30));
  store_.fail_next_commit(CommitFault::kLanded);
  store_.fail_next_acquires(200);
  auto unknown = submit(OpenCommand{key, user(1)}, 20ms);
  while (shard_->takes_orders()) {
    std::this_thread::yield();
  }
  clock_.advance(21ms);
  EXPECT_EQ(unknown.get().error().code, ErrorCode::kOutcomeUnknown);
  store_.fail_next_acquires(0);
  while (!shard_->takes_orders()) {
    std::this_thread::yield();
  }
  // Asking again tells what happened.
  EXPECT_EQ(ask(OpenCommand{key, user(1)}).value().open.share->seq, 1U);
  EXPECT_EQ(inner_.head()->next_voucher, VoucherNo{3});
}

TEST_F(ShardTest, RefusesAtOnceWhileItRecovers) {
  const PacketKey key = activated(3, Money(30));
  store_.fail_next_commit(CommitFault::kLost);
  store_.fail_next_acquires(1'000'000);
  auto held = submit(OpenCommand{key, user(1)});
  while (shard_->takes_orders()) {
    std::this_thread::yield();
  }
  EXPECT_EQ(ask(OpenCommand{key, user(2)}).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(shard_->new_packet_key(clock_.now()));
  store_.fail_next_acquires(0);
  EXPECT_EQ(held.get().error().code, ErrorCode::kUnavailable);
}

TEST_F(ShardTest, AFencedShardAnswersNothingMore) {
  const PacketKey key = activated(3, Money(30));
  ASSERT_TRUE(inner_.acquire(test_shard_options().owner, kLeaseForever)) << "a newer process of the same node";
  EXPECT_EQ(ask(OpenCommand{key, user(1)}).error().code, ErrorCode::kFenced);
  EXPECT_EQ(ask(OpenCommand{key, user(2)}).error().code, ErrorCode::kFenced);
  EXPECT_EQ(shard_->status().state, ShardState::kAway);
  EXPECT_EQ(opened_in_store(key), Money(0));
}

TEST_F(ShardTest, LoadsAPacketOnceHoweverManyAsk) {
  const PacketKey key = activated(50, Money(5'000));
  restart();
  const int loads_before = store_.loads();
  store_.hold_loads();
  std::vector<std::future<Result<ShardAnswer>>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(submit(OpenCommand{key, user(i)}));
  }
  store_.release_loads();
  for (auto& answer : answers) {
    EXPECT_EQ(answer.get().value().open.outcome, OpenOutcome::kOpened);
  }
  EXPECT_EQ(store_.loads() - loads_before, 1);
}

TEST_F(ShardTest, SharesSurviveARestartAndAreReturnedAgain) {
  const PacketKey key = activated(3, Money(30));
  const auto before = ask(OpenCommand{key, user(1)}).value().open.share;
  restart();
  const auto after = ask(OpenCommand{key, user(1)}).value().open.share;
  EXPECT_EQ(after->amount, before->amount);
  EXPECT_EQ(after->voucher, before->voucher);
  EXPECT_EQ(after->opened_at, before->opened_at);
}

TEST_F(ShardTest, ALoadThatFailsIsAnsweredAndTriedAgainByTheNextCommand) {
  const PacketKey key = activated(3, Money(30));
  restart();
  store_.fail_next_loads(1);
  EXPECT_EQ(ask(OpenCommand{key, user(1)}).error().code, ErrorCode::kStorage);
  EXPECT_EQ(ask(OpenCommand{key, user(1)}).value().open.outcome, OpenOutcome::kOpened);
}

TEST_F(ShardTest, WhileColdStorageDoesNotAnswerOtherPacketsAreRead) {
  const PacketKey cold = activated(3, Money(30));
  const PacketKey hot = activated(3, Money(30));
  restart();
  store_.hold_cold_loads({cold});
  auto held = submit(OpenCommand{cold, user(1)});
  EXPECT_EQ(ask(OpenCommand{hot, user(1)}).value().open.outcome, OpenOutcome::kOpened);
  EXPECT_EQ(held.wait_for(0ms), std::future_status::timeout);
  store_.release_cold_loads();
  EXPECT_EQ(held.get().value().open.outcome, OpenOutcome::kOpened);
}

TEST_F(ShardTest, WhoeverWaitsForAPacketIsToldAtItsDeadline) {
  const PacketKey key = activated(3, Money(30));
  restart();
  store_.hold_loads();
  auto first = submit(OpenCommand{key, user(1)}, 10s);
  auto second = submit(OpenCommand{key, user(2)}, 20s);
  clock_.advance(11s);
  EXPECT_EQ(first.get().error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(second.wait_for(0ms), std::future_status::timeout);
  clock_.advance(10s);
  EXPECT_EQ(second.get().error().code, ErrorCode::kDeadlineExceeded);
  auto third = submit(OpenCommand{key, user(3)});
  store_.release_loads();
  EXPECT_EQ(third.get().value().open.outcome, OpenOutcome::kOpened);
  EXPECT_EQ(ask(OpenCommand{key, user(1)}).value().open.outcome, OpenOutcome::kOpened);
}

TEST_F(ShardTest, ColdPacketsThatNobodyWaitsForAnyMoreAreNotRead) {
  std::vector<PacketKey> cold;
  for (int i = 0; i < 10; ++i) {
    cold.push_back(activated(3, Money(30)));
  }
  restart();
  const int loads_before = store_.loads();
  store_.hold_cold_loads({cold.begin(), cold.end()});
  std::vector<std::future<Result<ShardAnswer>>> answers;
  for (const PacketKey& key : cold) {
    answers.push_back(submit(LoadCommand{key}));
  }
  while (store_.loads() == loads_before) {
    std::this_thread::yield();
  }
  clock_.advance(11s);
  for (auto& answer : answers) {
    EXPECT_EQ(answer.get().error().code, ErrorCode::kDeadlineExceeded);
  }
  store_.release_cold_loads();
  restart();  // ends the old one when it has nothing left to read
  EXPECT_EQ(store_.loads() - loads_before, 1);
  EXPECT_EQ(ask(LoadCommand{cold.back()}).value().outcome, ShardOutcome::kDone);
}

TEST_F(ShardTest, AFullMailboxRefusesAtOnce) {
  ShardOptions options = test_shard_options();
  options.mailbox_commands_max = 4;
  restart(options);
  const PacketKey key = activated(100, Money(1'000));
  store_.hold_commits();
  auto busy = submit(OpenCommand{key, user(0)});
  while (store_.commits() < 2) {
    std::this_thread::yield();
  }
  std::vector<std::future<Result<ShardAnswer>>> waiting;
  for (int i = 1; i <= 4; ++i) {
    waiting.push_back(submit(OpenCommand{key, user(i)}));
  }
  EXPECT_EQ(ask(OpenCommand{key, user(5)}).error().code, ErrorCode::kOverloaded);
  store_.release_commits();
  EXPECT_TRUE(busy.get());
  for (auto& answer : waiting) {
    EXPECT_TRUE(answer.get());
  }
}

TEST_F(ShardTest, ACommandThatWaitedBeyondItsDeadlineIsNotDecided) {
  const PacketKey key = activated(3, Money(30));
  store_.hold_commits();
  auto first = submit(OpenCommand{key, user(1)});
  while (store_.commits() < 2) {
    std::this_thread::yield();
  }
  auto late = submit(OpenCommand{key, user(2)}, 5ms);
  clock_.advance(20ms);
  store_.release_commits();
  EXPECT_TRUE(first.get());
  EXPECT_EQ(late.get().error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(inner_.load(key).value()->opened.size(), 1U);
}

TEST_F(ShardTest, StopFinishesWhatItHasAndRefusesTheRest) {
  const PacketKey key = activated(3, Money(30));
  auto answer = submit(OpenCommand{key, user(1)});
  shard_->stop();
  EXPECT_EQ(answer.get().value().open.outcome, OpenOutcome::kOpened);
  EXPECT_EQ(ask(OpenCommand{key, user(2)}).error().code, ErrorCode::kShuttingDown);
}

TEST_F(ShardTest, KeysAreUniqueAcrossEpochsOfOneDay) {
  std::set<PacketKey> keys;
  for (int start = 0; start < 3; ++start) {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(keys.insert(shard_->new_packet_key(clock_.now()).value()).second);
    }
    // A clock that jumps a day back and forth must not repeat a number.
    const Timestamp yesterday = clock_.now() - 24h;
    EXPECT_TRUE(keys.insert(shard_->new_packet_key(yesterday).value()).second);
    EXPECT_TRUE(keys.insert(shard_->new_packet_key(clock_.now()).value()).second);
    restart();
  }
}

TEST_F(ShardTest, KeysRiseWithTheTimeOfDay) {
  const Timestamp noon{20'779LL * 86'400'000 + 4LL * 3'600'000};
  const auto counter_at = [&](Timestamp at) {
    return static_cast<uint32_t>(shard_->new_packet_key(at).value().local.value & LocalNo::kCounterMax);
  };
  const uint32_t first = LocalNo::counter_at(noon);
  EXPECT_EQ(counter_at(noon), first);
  EXPECT_EQ(counter_at(noon), first + 1);
  EXPECT_EQ(counter_at(noon + 1ms), first + LocalNo::kNumbersPerMs);
  EXPECT_EQ(counter_at(noon - 1h), first + LocalNo::kNumbersPerMs + 1) << "a clock that goes back";
}

// The store went back to an older copy of itself, in which the epoch was one less.
TEST_F(ShardTest, KeysAreUniqueWhenAnEpochComesAgain) {
  std::set<PacketKey> keys;
  for (int start = 0; start < 3; ++start) {
    MemoryOrderStore older(kShard, clock_);
    prometheus::Registry registry;
    Shard shard(kShard, older, stream_, clock_, test_shard_options(), registry);
    ASSERT_TRUE(shard.acquire());
    EXPECT_EQ(shard.status().epoch, 1U);
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(keys.insert(shard.new_packet_key(clock_.now()).value()).second);
    }
    clock_.advance(1s);
  }
}

TEST_F(ShardTest, ManyThreadsAndRandomlyFailingCommitsNeverLoseAnAnsweredShare) {
  const PacketKey key = activated(400, Money(40'000));
  std::atomic<bool> done{false};
  std::thread saboteur([&] {
    for (int i = 0; i < 40 && !done; ++i) {
      store_.fail_next_commit(i % 2 == 0 ? CommitFault::kLost : CommitFault::kLanded);
      std::this_thread::sleep_for(2ms);
    }
  });
  std::mutex mutex;
  std::map<UserId, Share> told;
  std::vector<std::thread> takers;
  for (int t = 0; t < 4; ++t) {
    takers.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const UserId taker = user(t * 100 + i);
        auto answer = ask(OpenCommand{key, taker});
        while (!answer) {
          answer = ask(OpenCommand{key, taker});
        }
        const std::lock_guard lock(mutex);
        told.emplace(taker, *answer->open.share);
      }
    });
  }
  for (std::thread& taker : takers) {
    taker.join();
  }
  done = true;
  saboteur.join();
  const auto stored = inner_.load(key).value();
  ASSERT_EQ(stored->opened.size(), 400U);
  EXPECT_EQ(stored->state, PacketState::kExhausted);
  EXPECT_EQ(opened_in_store(key), Money(40'000));
  for (const Voucher& voucher : stored->opened) {
    EXPECT_EQ(told.at(voucher.user).amount, voucher.amount);
    EXPECT_EQ(told.at(voucher.user).voucher, voucher.no);
  }
}

}  // namespace
}  // namespace hongbao::shard_test
