// The contract of ports/voucher_stream.h.
#include "ports/voucher_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "adapters/memory/log_voucher_stream.h"
#include "adapters/memory/memory_order_store.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

// Long enough that a test which waits for it has failed.
constexpr seconds kForever{20};

class VoucherStreamContract : public testing::Test {
 protected:
  static milliseconds time(const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  }
  std::vector<Voucher> commit_one() {
    const Order made = order(key(0), 100, 2);
    const ShardHead head = store_.acquire("test", kNoLease).value();
    const std::vector<Voucher> vouchers{paid(1, made), opened(2, made.key, 1, "ann", 60),
                                        opened(3, made.key, 2, "bob", 40)};
    EXPECT_EQ(store_.commit({head.epoch, head.next_voucher, {made}, vouchers, {}}), CommitOutcome::kCommitted);
    return vouchers;
  }

  MemoryOrderStore store_{kShard};
  LogVoucherStream log_stream_{{{kShard, &store_}}};
  VoucherStream& stream_ = log_stream_;
};

TEST_F(VoucherStreamContract, FetchGivesPublishedVouchersFromANumberOn) {
  const auto vouchers = commit_one();
  stream_.publish(kShard, vouchers);
  EXPECT_EQ(stream_.fetch(Follower::kInbox, kShard, {1}, 10).value(), vouchers);
  EXPECT_THAT(stream_.fetch(Follower::kInbox, kShard, {2}, 1).value(), ElementsAre(vouchers[1]));
  EXPECT_THAT(stream_.fetch(Follower::kInbox, kShard, {4}, 10).value(), IsEmpty());
}

TEST_F(VoucherStreamContract, AVoucherWhosePublicationWasLostIsStillFetched) {
  const auto vouchers = commit_one();
  EXPECT_EQ(stream_.fetch(Follower::kInbox, kShard, {1}, 10).value(), vouchers);
}

TEST_F(VoucherStreamContract, WhatWasPublishedIsFetchedWithoutTheStore) {
  const Order made = order(key(0), 100, 2);
  const std::vector<Voucher> vouchers{opened(5, made.key, 1, "ann", 60), opened(6, made.key, 2, "bob", 40)};
  stream_.publish(kShard, vouchers);
  EXPECT_EQ(stream_.fetch(Follower::kInbox, kShard, {5}, 10).value(), vouchers);
  EXPECT_THAT(stream_.fetch(Follower::kInbox, kShard, {7}, 10).value(), IsEmpty());
}

TEST_F(VoucherStreamContract, BehindALostPublicationTheStoreIsAsked) {
  const auto vouchers = commit_one();
  stream_.publish(kShard, {vouchers.begin(), vouchers.begin() + 1});
  stream_.publish(kShard, {vouchers.begin() + 2, vouchers.end()});
  EXPECT_EQ(stream_.fetch(Follower::kInbox, kShard, {1}, 10).value(), vouchers);
  EXPECT_THAT(stream_.fetch(Follower::kInbox, kShard, {3}, 10).value(), ElementsAre(vouchers[2]));
}

TEST_F(VoucherStreamContract, OnlySoMuchIsKept) {
  const Order made = order(key(0), 100, 2);
  constexpr uint64_t kMore = LogVoucherStream::kRecentVouchersMax + 10;
  for (uint64_t no = 1; no <= kMore; ++no) {
    stream_.publish(kShard, std::vector{opened(no, made.key, 1, "ann", 60)});
  }
  EXPECT_THAT(stream_.fetch(Follower::kInbox, kShard, {10}, 1).value(),
              IsEmpty());  // asked of the store, which has none
  EXPECT_EQ(stream_.fetch(Follower::kInbox, kShard, {11}, kMore).value().size(), LogVoucherStream::kRecentVouchersMax);
}

TEST_F(VoucherStreamContract, AShardThatIsNotHereHasNothing) {
  EXPECT_THAT(stream_.fetch(Follower::kInbox, kOtherShard, {1}, 10).value(), IsEmpty());
}

TEST_F(VoucherStreamContract, WaitReturnsAtOnceWhenSomethingWasPublishedBefore) {
  uint64_t seen = 0;
  stream_.publish(kShard, {});
  stream_.publish(kShard, {});
  EXPECT_LT(time([&] { stream_.wait(seen, kForever); }), kForever);
  EXPECT_GE(time([&] { stream_.wait(seen, milliseconds(20)); }), milliseconds(20));  // both were seen
}

TEST_F(VoucherStreamContract, WaitReturnsAfterItsTimeout) {
  uint64_t seen = 0;
  EXPECT_GE(time([&] { stream_.wait(seen, milliseconds(20)); }), milliseconds(20));
}

TEST_F(VoucherStreamContract, PublishWakesEveryWaiter) {
  std::atomic<int> woken = 0;
  const auto elapsed = time([&] {
    std::vector<std::jthread> waiters;
    for (int i = 0; i < 3; ++i) {
      waiters.emplace_back([&] {
        uint64_t seen = 0;
        stream_.wait(seen, kForever);
        ++woken;
      });
    }
    std::this_thread::sleep_for(milliseconds(20));
    stream_.publish(kShard, {});
  });
  EXPECT_EQ(woken, 3);
  EXPECT_LT(elapsed, kForever);
}

}  // namespace
}  // namespace hongbao
