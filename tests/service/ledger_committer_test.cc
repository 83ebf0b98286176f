// service/ledger_committer.h.
#include <algorithm>

#include "service/service_fixture.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;

Posting deposit(const std::string& owner, int64_t amount, const std::string& key) {
  const UserId credited = user(owner);
  return {.transfer = {.id = deposit_transfer_id(credited, key),
                       .debit = AccountId::channel("operator"),
                       .credit = AccountId::user(credited),
                       .amount = Money(amount),
                       .kind = TransferKind::kDeposit}};
}

class LedgerCommitterTest : public testing::Test {
 protected:
  void start(LedgerCommitterOptions options = {}) {
    options.commit_retry_pause = milliseconds(1);
    options.deferral = std::chrono::seconds(1);
    writer_.emplace(store_, clock_, options, registry_);
    writer_->start();
  }
  void TearDown() override { store_.release(); }

  std::future<Result<Posted>> post(Posting posting, std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
    const SteadyTime deadline = clock_.steady_now() + timeout;
    return ask<Posted>([&](auto done) { writer_->post(std::move(posting), deadline, std::move(done)); });
  }
  std::future<Result<std::vector<SettleOutcome>>> settle() {
    return ask<std::vector<SettleOutcome>>([&](auto done) { writer_->settle({}, std::move(done)); });
  }
  std::future<Result<std::vector<RetryOutcome>>> retry() {
    return ask<std::vector<RetryOutcome>>([&](auto done) { writer_->retry({}, std::move(done)); });
  }
  std::future<Result<void>> freeze(const std::string& owner) {
    return ask<void>([&](auto done) { writer_->set_frozen(AccountId::user(user(owner)), true, std::move(done)); });
  }

  // Returns when the writer is inside a commit that waits, so that what comes now gathers in the mailbox.
  void stall() {
    store_.hold();
    stalled_ = post(deposit("stall", 1, "stall"));
    while (store_commits_.load() == 0) {
      std::this_thread::sleep_for(milliseconds(1));
    }
  }
  // That commit goes on.
  void release() {
    store_.release();
    EXPECT_EQ(stalled_.get().value(), PostOutcome::kPosted);
  }

  int64_t balance(const std::string& owner) { return memory_.account(AccountId::user(user(owner)))->balance().fen(); }

  void SetUp() override {
    store_.on_commit([this](const LedgerBatch& batch) {
      postings_.push_back(batch.postings.size());
      store_commits_.fetch_add(1);
    });
  }

  ManualClock clock_{{1'000}};
  prometheus::Registry registry_;
  MemoryLedgerStore memory_;
  FaultyLedgerStore store_{memory_};
  std::atomic<int> store_commits_{0};
  std::future<Result<Posted>> stalled_;
  std::vector<size_t> postings_;  // in each commit; read after `stop`
  std::optional<LedgerCommitter> writer_;
};

TEST_F(LedgerCommitterTest, PostsThatWaitTogetherCommitTogether) {
  start();
  stall();
  std::vector<std::future<Result<Posted>>> rest;
  for (int i = 0; i < 50; ++i) {
    rest.push_back(post(deposit("alice", i + 1, std::to_string(i))));
  }
  release();
  for (auto& answer : rest) {
    EXPECT_EQ(answer.get().value(), PostOutcome::kPosted);
  }
  EXPECT_EQ(balance("alice"), 50 * 51 / 2);
  writer_->stop();
  EXPECT_THAT(postings_, testing::ElementsAre(1, 50));
}

TEST_F(LedgerCommitterTest, ABatchIsBounded) {
  start({.batch_commands_max = 4});
  stall();
  std::vector<std::future<Result<Posted>>> rest;
  for (int i = 0; i < 10; ++i) {
    rest.push_back(post(deposit("alice", 1, std::to_string(i))));
  }
  release();
  for (auto& answer : rest) {
    EXPECT_TRUE(answer.get());
  }
  writer_->stop();
  EXPECT_THAT(postings_, testing::ElementsAre(1, 4, 4, 2));
}

TEST_F(LedgerCommitterTest, EachPostGetsItsOwnOutcome) {
  start();
  stall();
  auto posted = post(deposit("alice", 10, "a"));
  auto duplicate = post(deposit("alice", 10, "a"));
  auto reused = post(deposit("alice", 11, "a"));
  auto other = post(deposit("bob", 5, "b"));
  release();
  EXPECT_EQ(posted.get().value(), PostOutcome::kPosted);
  EXPECT_EQ(duplicate.get().value(), PostOutcome::kDuplicate);
  EXPECT_EQ(reused.get().value(), PostOutcome::kIdReused);
  EXPECT_EQ(other.get().value(), PostOutcome::kPosted);
  EXPECT_EQ(balance("alice"), 10);
}

TEST_F(LedgerCommitterTest, ACommitThatFailsAFewTimesIsRepeated) {
  start({.commit_tries_max = 4});
  store_.fail_commits(3);
  EXPECT_EQ(post(deposit("alice", 10, "a")).get().value(), PostOutcome::kPosted);
  EXPECT_EQ(store_.commits(), 4);
  EXPECT_EQ(balance("alice"), 10);
}

TEST_F(LedgerCommitterTest, ACommitThatTookEffectBeforeItFailedPostsOnce) {
  start({.commit_tries_max = 4});
  store_.fail_commits(2, /*after=*/true);
  EXPECT_EQ(post(deposit("alice", 10, "a")).get().value(), PostOutcome::kDuplicate);
  EXPECT_EQ(balance("alice"), 10);
}

TEST_F(LedgerCommitterTest, ACommitThatAlwaysFailsIsAnsweredAsUnknown) {
  start({.commit_tries_max = 3});
  store_.fail_commits(3);
  EXPECT_EQ(error_of(post(deposit("alice", 10, "a")).get()), ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(store_.commits(), 3);
  EXPECT_EQ(post(deposit("alice", 10, "a")).get().value(), PostOutcome::kPosted) << "asking again tells";
}

TEST_F(LedgerCommitterTest, APostThatIsOverdueIsDroppedUndecided) {
  start();
  stall();
  auto overdue = post(deposit("alice", 10, "a"), milliseconds(5));
  auto in_time = post(deposit("alice", 1, "b"));
  clock_.advance(milliseconds(20));
  release();
  EXPECT_EQ(error_of(overdue.get()), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(in_time.get().value(), PostOutcome::kPosted);
  EXPECT_EQ(balance("alice"), 1);
}

TEST_F(LedgerCommitterTest, AFullMailboxRefusesAtOnce) {
  start({.mailbox_commands_max = 3});
  stall();
  std::vector<std::future<Result<Posted>>> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(post(deposit("alice", 1, std::to_string(i))));
  }
  EXPECT_EQ(error_of(post(deposit("alice", 1, "more")).get()), ErrorCode::kOverloaded);
  EXPECT_EQ(error_of(settle().get()), ErrorCode::kOverloaded);
  EXPECT_EQ(error_of(freeze("alice").get()), ErrorCode::kOverloaded);
  release();
  for (auto& answer : waiting) {
    EXPECT_TRUE(answer.get());
  }
  EXPECT_EQ(balance("alice"), 3);
}

TEST_F(LedgerCommitterTest, StoppingFinishesWhatWaitsAndRefusesTheRest) {
  start();
  stall();
  auto waiting = post(deposit("alice", 10, "a"));
  std::thread stopping([&] { writer_->stop(); });
  release();
  stopping.join();
  EXPECT_EQ(waiting.get().value(), PostOutcome::kPosted);
  EXPECT_EQ(error_of(retry().get()), ErrorCode::kShuttingDown);
  EXPECT_EQ(error_of(post(deposit("bob", 1, "b")).get()), ErrorCode::kShuttingDown);
}

TEST_F(LedgerCommitterTest, AFreezeBehindAPostDoesNotRefuseIt) {
  start();
  stall();
  auto posted = post(deposit("alice", 10, "a"));
  auto frozen = freeze("alice");
  release();
  EXPECT_TRUE(frozen.get());
  EXPECT_EQ(posted.get().value(), PostOutcome::kPosted);
  EXPECT_EQ(post(deposit("alice", 10, "b")).get().value(), PostOutcome::kFrozen);
}

// What is stored contradicts one part of a batch, whoever damaged it: the others are not held up by it.
TEST_F(LedgerCommitterTest, WhatContradictsTheStoreHurtsOnlyItself) {
  store_.damaged = [](const LedgerBatch& batch) {
    return std::ranges::any_of(batch.postings,
                               [](const Posting& posting) { return posting.transfer.amount == Money(13); }) ||
           std::ranges::any_of(batch.settlements, [](const Settlement& piece) { return piece.shard.number == 1; });
  };
  start();
  stall();
  auto good = post(deposit("alice", 10, "a"));
  auto bad = post(deposit("bob", 13, "b"));
  auto also_good = post(deposit("carol", 20, "c"));
  auto settled = ask<std::vector<SettleOutcome>>([&](auto done) {
    writer_->settle({{{Region::kSouth, 0}, {1}, {}}, {{Region::kSouth, 1}, {1}, {}}, {{Region::kSouth, 2}, {1}, {}}},
                    std::move(done));
  });
  release();
  EXPECT_EQ(good.get().value(), PostOutcome::kPosted);
  EXPECT_EQ(bad.get().value(), PostOutcome::kDamaged);
  EXPECT_EQ(also_good.get().value(), PostOutcome::kPosted);
  EXPECT_EQ(settled.get().value(),
            (std::vector{SettleOutcome::kSettled, SettleOutcome::kDamaged, SettleOutcome::kSettled}));
  EXPECT_EQ(balance("alice"), 10);
  EXPECT_EQ(balance("bob"), 0);
  EXPECT_EQ(balance("carol"), 20);
}

}  // namespace
}  // namespace hongbao
