// The contract of ports/voucher_stream.h, and what the stream of the log itself promises beyond it.
#include "ports/voucher_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "adapters/memory/log_voucher_stream.h"
#include "contract/stream_calls.h"
#include "contract/values.h"
#include "support/memory_order_store.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

milliseconds time(const std::function<void()>& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

// A stream, and another object through which the same one is followed where there can be one.
class StreamBackend {
 public:
  virtual ~StreamBackend() = default;
  virtual VoucherStream& publisher() = 0;
  virtual VoucherStream& follower() = 0;
};

class LogStreamBackend final : public StreamBackend {
 public:
  VoucherStream& publisher() override { return stream_; }
  VoucherStream& follower() override { return stream_; }

 private:
  MemoryOrderStore store_{kShard};
  LogVoucherStream stream_{{{kShard, &store_}}};
};

class NatsStreamBackend final : public StreamBackend {
 public:
  VoucherStream& publisher() override { return *publisher_; }
  VoucherStream& follower() override { return *follower_; }

 private:
  const std::string prefix_ = scratch_prefix();
  prometheus::Registry registry_;
  std::unique_ptr<VoucherStream> publisher_ = open_nats_stream(prefix_, registry_);
  std::unique_ptr<VoucherStream> follower_ = open_nats_stream(prefix_, registry_);
};

class VoucherStreamContract : public testing::TestWithParam<std::string> {
 protected:
  static std::unique_ptr<StreamBackend> make() {
    if (GetParam() == "log") {
      return std::make_unique<LogStreamBackend>();
    }
    return std::make_unique<NatsStreamBackend>();
  }

  std::unique_ptr<StreamBackend> backend_ = make();
  VoucherStream& publisher_ = backend_->publisher();
  VoucherStream& follower_ = backend_->follower();
};

INSTANTIATE_TEST_SUITE_P(Adapters, VoucherStreamContract, testing::Values("log", "nats"),
                         [](const auto& tested) { return tested.param; });

TEST_P(VoucherStreamContract, WhatAnotherOwnerPublishedIsLeftToTheLog) {
  const uint64_t next = begin(publisher_, follower_);
  publisher_.publish(kShard, kTerm, batch(next, 3));
  ASSERT_TRUE(comes(follower_, next, next + 3));
  EXPECT_THAT(follower_.fetch(Follower::kInbox, {kShard, kNextTerm, {next}, 10}).value(), IsEmpty());
  publisher_.publish(kShard, kNextTerm, batch(next, 2));
  const auto came = [&] { return follower_.fetch(Follower::kInbox, {kShard, kNextTerm, {next}, 10}).value(); };
  const auto give_up = std::chrono::steady_clock::now() + kStreamForever;
  for (uint64_t seen = 0; came().empty() && std::chrono::steady_clock::now() < give_up;) {
    follower_.wait(seen, milliseconds(20));
  }
  EXPECT_EQ(came(), batch(next, 2));
}

TEST_P(VoucherStreamContract, FetchGivesPublishedVouchersFromANumberOn) {
  const uint64_t next = begin(publisher_, follower_);
  const auto vouchers = batch(next, 3);
  publisher_.publish(kShard, kTerm, vouchers);
  ASSERT_TRUE(comes(follower_, next, next + 3));
  EXPECT_EQ(follower_.fetch(Follower::kInbox, {kShard, kTerm, {next}, 10}).value(), vouchers);
  EXPECT_THAT(follower_.fetch(Follower::kInbox, {kShard, kTerm, {next + 1}, 1}).value(), ElementsAre(vouchers[1]));
  EXPECT_THAT(follower_.fetch(Follower::kInbox, {kShard, kTerm, {next + 3}, 10}).value(), IsEmpty());
}

TEST_P(VoucherStreamContract, BatchesComeInOrderWhicheverIsAskedForInOneGo) {
  const uint64_t next = begin(publisher_, follower_);
  std::vector<Voucher> all;
  for (uint64_t no = next; no < next + 500; no += 5) {
    const auto part = batch(no, 5);
    publisher_.publish(kShard, kTerm, part);
    all.insert(all.end(), part.begin(), part.end());
  }
  ASSERT_TRUE(comes(follower_, next, next + 500));
  EXPECT_EQ(follower_.fetch(Follower::kInbox, {kShard, kTerm, {next}, 1'000}).value(), all);
  EXPECT_EQ(follower_.fetch(Follower::kInbox, {kShard, kTerm, {next + 7}, 11}).value(),
            std::vector(all.begin() + 7, all.begin() + 18));
}

TEST_P(VoucherStreamContract, WhatIsNotAcknowledgedCanBeFetchedAgain) {
  const uint64_t next = begin(publisher_, follower_);
  publisher_.publish(kShard, kTerm, batch(next, 3));
  ASSERT_TRUE(comes(follower_, next, next + 3));
  follower_.acknowledge(Follower::kInbox, kShard, {next + 1});
  EXPECT_TRUE(comes(follower_, next + 1, next + 3));
}

TEST_P(VoucherStreamContract, AFollowerThatLeftComesBack) {
  const uint64_t next = begin(publisher_, follower_);
  follower_.leave(Follower::kInbox, kShard);
  follower_.leave(Follower::kInbox, kShard);  // of none
  begin(publisher_, follower_, next);
}

TEST_P(VoucherStreamContract, AShardOfWhichNothingWasPublishedHasNothing) {
  EXPECT_THAT(follower_.fetch(Follower::kInbox, {kOtherShard, kTerm, {1}, 10}).value(), IsEmpty());
  follower_.acknowledge(Follower::kInbox, kOtherShard, {1});
  follower_.leave(Follower::kInbox, kOtherShard);
}

TEST_P(VoucherStreamContract, WaitReturnsAtOnceWhenSomethingCameBefore) {
  const uint64_t next = begin(publisher_, follower_);
  uint64_t seen = 0;
  follower_.wait(seen, milliseconds(0));
  publisher_.publish(kShard, kTerm, batch(next, 1));
  publisher_.publish(kShard, kTerm, batch(next + 1, 1));
  ASSERT_TRUE(comes(follower_, next, next + 2));
  EXPECT_LT(time([&] { follower_.wait(seen, kStreamForever); }), kStreamForever);
  EXPECT_GE(time([&] { follower_.wait(seen, milliseconds(20)); }), milliseconds(20));  // both were seen
}

TEST_P(VoucherStreamContract, WaitReturnsAfterItsTimeout) {
  uint64_t seen = 0;
  EXPECT_GE(time([&] { follower_.wait(seen, milliseconds(20)); }), milliseconds(20));
}

TEST_P(VoucherStreamContract, WhatComesWakesEveryWaiter) {
  const uint64_t next = begin(publisher_, follower_);
  uint64_t seen = 0;
  follower_.wait(seen, milliseconds(0));
  std::atomic<int> woken = 0;
  const auto elapsed = time([&] {
    std::vector<std::jthread> waiters;
    for (int i = 0; i < 3; ++i) {
      waiters.emplace_back([&, mine = seen]() mutable {
        follower_.wait(mine, kStreamForever);
        ++woken;
      });
    }
    std::this_thread::sleep_for(milliseconds(20));
    publisher_.publish(kShard, kTerm, batch(next, 1));
  });
  EXPECT_EQ(woken, 3);
  EXPECT_LT(elapsed, kStreamForever);
}

// What the log's own stream promises beyond it.
class LogVoucherStreamTest : public testing::Test {
 protected:
  std::vector<Voucher> commit_one() {
    const Order made = order(key(0), 100, 2);
    const ShardHead head = store_.acquire("test", kNoLease).value();
    const std::vector<Voucher> vouchers{paid(1, made), opened(2, made.key, 1, "ann", 60),
                                        opened(3, made.key, 2, "bob", 40)};
    EXPECT_EQ(store_.commit({head.epoch, head.next_voucher, {made}, vouchers, {}}), CommitOutcome::kCommitted);
    return vouchers;
  }

  MemoryOrderStore store_{kShard};
  LogVoucherStream stream_{{{kShard, &store_}}};
};

TEST_F(LogVoucherStreamTest, AVoucherWhosePublicationWasLostIsStillFetched) {
  const auto vouchers = commit_one();
  EXPECT_EQ(stream_.fetch(Follower::kInbox, {kShard, kTerm, {1}, 10}).value(), vouchers);
}

TEST_F(LogVoucherStreamTest, WhatWasPublishedIsFetchedWithoutTheStore) {
  const Order made = order(key(0), 100, 2);
  const std::vector<Voucher> vouchers{opened(5, made.key, 1, "ann", 60), opened(6, made.key, 2, "bob", 40)};
  stream_.publish(kShard, kTerm, vouchers);
  EXPECT_EQ(stream_.fetch(Follower::kInbox, {kShard, kTerm, {5}, 10}).value(), vouchers);
  EXPECT_THAT(stream_.fetch(Follower::kInbox, {kShard, kTerm, {7}, 10}).value(), IsEmpty());
}

TEST_F(LogVoucherStreamTest, BehindALostPublicationTheStoreIsAsked) {
  const auto vouchers = commit_one();
  stream_.publish(kShard, kTerm, {vouchers.begin(), vouchers.begin() + 1});
  stream_.publish(kShard, kTerm, {vouchers.begin() + 2, vouchers.end()});
  EXPECT_EQ(stream_.fetch(Follower::kInbox, {kShard, kTerm, {1}, 10}).value(), vouchers);
  EXPECT_THAT(stream_.fetch(Follower::kInbox, {kShard, kTerm, {3}, 10}).value(), ElementsAre(vouchers[2]));
}

TEST_F(LogVoucherStreamTest, OnlySoMuchIsKept) {
  const Order made = order(key(0), 100, 2);
  constexpr uint64_t kMore = LogVoucherStream::kRecentVouchersMax + 10;
  for (uint64_t no = 1; no <= kMore; ++no) {
    stream_.publish(kShard, kTerm, std::vector{opened(no, made.key, 1, "ann", 60)});
  }
  EXPECT_THAT(stream_.fetch(Follower::kInbox, {kShard, kTerm, {10}, 1}).value(),
              IsEmpty());  // asked of the store, which has none
  EXPECT_EQ(stream_.fetch(Follower::kInbox, {kShard, kTerm, {11}, kMore}).value().size(),
            LogVoucherStream::kRecentVouchersMax);
}

}  // namespace
}  // namespace hongbao
