// How a few workers are shared: one flow's jobs one after the other, and flows in turns.
#include "service/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>

namespace hongbao::worker_pool_test {
namespace {

constexpr uint64_t kGreedy = 7;
constexpr uint64_t kOther = 8;

// Holds a worker until it is let go.
struct Gate {
  std::promise<void> begun;
  std::promise<void> open;

  WorkerPool::Job job() {
    return [this] {
      begun.set_value();
      open.get_future().wait();
    };
  }
};

TEST(WorkerPool, WhoAsksForMuchWaitsForItAndNobodyElse) {
  WorkerPool pool(1, 1'000);
  Gate gate;
  std::string order;
  ASSERT_TRUE(pool.submit(gate.job()));
  pool.start();
  gate.begun.get_future().wait();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(pool.submit([&] { order += 'g'; }, kGreedy));
  }
  ASSERT_TRUE(pool.submit([&] { order += 'o'; }, kOther));
  ASSERT_TRUE(pool.submit([&] { order += 'n'; }));
  gate.open.set_value();
  pool.stop();
  EXPECT_EQ(order, "gongggg");
}

TEST(WorkerPool, JobsOfAFlowNeverRunAtOnce) {
  WorkerPool pool(4, 1'000);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> ran{0};
  pool.start();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pool.submit(
        [&] {
          most = std::max(most.load(), ++running);
          std::this_thread::sleep_for(std::chrono::microseconds(200));
          --running;
          ++ran;
        },
        kGreedy));
  }
  pool.stop();
  EXPECT_EQ(ran.load(), 100);
  EXPECT_EQ(most.load(), 1);
}

TEST(WorkerPool, AFlowHasAPartOfWhatMayWaitAndAllHaveAllOfIt) {
  WorkerPool pool(1, 16);
  Gate gate;
  ASSERT_TRUE(pool.submit(gate.job()));
  pool.start();
  gate.begun.get_future().wait();
  int taken = 0;
  while (pool.submit([] {}, kGreedy)) {
    ++taken;
  }
  EXPECT_EQ(taken, 3) << "one has its turn, two are behind it";
  while (pool.submit([] {})) {
    ++taken;
  }
  EXPECT_EQ(taken, 16);
  const auto refused = pool.submit([] {}, kOther);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  gate.open.set_value();
  pool.stop();
  const auto late = pool.submit([] {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kShuttingDown);
}

TEST(WorkerPool, WhatWaitsIsDoneBeforeItStops) {
  std::atomic<int> ran{0};
  WorkerPool pool(2, 1'000);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(pool.submit([&] { ++ran; }, 1 + i % 3));
  }
  pool.start();
  pool.stop();
  EXPECT_EQ(ran.load(), 50);
}

TEST(WorkerPool, AReadThatWaitedTooLongIsNotDone) {
  WorkerPool pool(1, 10, std::chrono::milliseconds(0));
  Gate gate;
  ASSERT_TRUE(pool.submit(gate.job()));
  pool.start();
  gate.begun.get_future().wait();
  std::promise<ErrorCode> told;
  read_on<int>(
      pool, []() -> Result<int> { return 1; },
      [&](const Result<int>& read) { told.set_value(read ? ErrorCode::kInternal : read.error().code); }, kOther);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  gate.open.set_value();
  EXPECT_EQ(told.get_future().get(), ErrorCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace hongbao::worker_pool_test
