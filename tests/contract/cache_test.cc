// The contract of ports/cache.h, and what each adapter promises beyond it.
#include "ports/cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "adapters/memory/memory_cache.h"
#include "contract/cache_calls.h"
#include "service/sealed_cache.h"
#include "support/manual_clock.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

// A cache, and a way to let time pass for it.
class CacheBackend {
 public:
  virtual ~CacheBackend() = default;
  virtual Cache& cache() = 0;
  virtual void pass(milliseconds time) = 0;
};

class MemoryCacheBackend final : public CacheBackend {
 public:
  Cache& cache() override { return cache_; }
  void pass(milliseconds time) override { clock_.advance(time); }

 private:
  ManualClock clock_{{1'000}};
  MemoryCache cache_{clock_, 16 << 20};
};

class RedisCacheBackend final : public CacheBackend {
 public:
  Cache& cache() override { return cache_; }
  void pass(milliseconds time) override { std::this_thread::sleep_for(time); }

 private:
  prometheus::Registry registry_;
  RedisCache cache_{redis_options(), registry_};
};

class SealedCacheBackend final : public CacheBackend {
 public:
  Cache& cache() override { return cache_; }
  void pass(milliseconds time) override { std::this_thread::sleep_for(time); }

 private:
  prometheus::Registry registry_;
  SealedCache cache_{std::make_unique<RedisCache>(redis_options(), registry_), Key128{7}, registry_};
};

class CacheContract : public testing::TestWithParam<std::string> {
 protected:
  static std::unique_ptr<CacheBackend> make() {
    if (GetParam() == "memory") {
      return std::make_unique<MemoryCacheBackend>();
    }
    if (GetParam() == "redis") {
      return std::make_unique<RedisCacheBackend>();
    }
    return std::make_unique<SealedCacheBackend>();
  }
  void pass(milliseconds time) { backend_->pass(time); }

  std::unique_ptr<CacheBackend> backend_ = make();
  Cache& cache_ = backend_->cache();
};

INSTANTIATE_TEST_SUITE_P(Adapters, CacheContract, testing::Values("memory", "redis", "sealed"),
                         [](const auto& tested) { return tested.param; });

TEST_P(CacheContract, AnAbsentKeyReadsAsNothing) {
  EXPECT_EQ(get(cache_, "a"), std::nullopt);
}

TEST_P(CacheContract, TheFirstValueIsKept) {
  EXPECT_EQ(put(cache_, "a", "1"), std::nullopt);
  EXPECT_EQ(put(cache_, "a", "2"), "1");
  EXPECT_EQ(get(cache_, "a"), "1");
  EXPECT_EQ(get(cache_, "b"), std::nullopt);
}

TEST_P(CacheContract, AnyBytesAreAValue) {
  const std::string bytes("\0 \r\n\xff", 5);
  EXPECT_EQ(put(cache_, "a", ""), std::nullopt);
  EXPECT_EQ(get(cache_, "a"), "");
  EXPECT_EQ(put(cache_, bytes, bytes), std::nullopt);
  EXPECT_EQ(get(cache_, bytes), bytes);
}

TEST_P(CacheContract, AnEntryIsGoneAfterItsTimeToLive) {
  put(cache_, "a", "1", milliseconds(200));
  EXPECT_EQ(get(cache_, "a"), "1");
  pass(milliseconds(210));
  EXPECT_EQ(get(cache_, "a"), std::nullopt);
  EXPECT_EQ(put(cache_, "a", "2"), std::nullopt);
  EXPECT_EQ(get(cache_, "a"), "2");
}

TEST_P(CacheContract, ReadingDoesNotLengthenALife) {
  put(cache_, "a", "1", milliseconds(200));
  pass(milliseconds(120));
  EXPECT_EQ(get(cache_, "a"), "1");
  EXPECT_EQ(put(cache_, "a", "2", minutes(9)), "1");
  pass(milliseconds(120));
  EXPECT_EQ(get(cache_, "a"), std::nullopt);
}

TEST_P(CacheContract, PutReplacesValueAndLife) {
  replace(cache_, "a", "1", minutes(9));
  replace(cache_, "a", "2", milliseconds(200));
  EXPECT_EQ(get(cache_, "a"), "2");
  pass(milliseconds(210));
  EXPECT_EQ(get(cache_, "a"), std::nullopt);
}

TEST_P(CacheContract, AMissGivesAClaimThatFillsOnce) {
  const auto claimed = claim(cache_, "a");
  EXPECT_EQ(claimed.value, std::nullopt);
  ASSERT_NE(claimed.token, 0U);
  EXPECT_EQ(get(cache_, "a"), std::nullopt) << "a claim is no value";
  EXPECT_TRUE(fill(cache_, "a", claimed.token, "1"));
  EXPECT_EQ(claim(cache_, "a").value, "1");
  EXPECT_EQ(claim(cache_, "a").token, 0U);
  EXPECT_FALSE(fill(cache_, "a", claimed.token, "2"));
  EXPECT_EQ(get(cache_, "a"), "1");
}

TEST_P(CacheContract, AFillThatAnEraseOvertookIsNotKept) {
  const auto claimed = claim(cache_, "a");
  erase(cache_, {"a", "b"});
  EXPECT_FALSE(fill(cache_, "a", claimed.token, "old"));
  EXPECT_EQ(get(cache_, "a"), std::nullopt);
}

TEST_P(CacheContract, TheLastOfSeveralClaimsCounts) {
  const auto first = claim(cache_, "a");
  const auto second = claim(cache_, "a");
  EXPECT_NE(first.token, second.token);
  EXPECT_FALSE(fill(cache_, "a", first.token, "1"));
  EXPECT_TRUE(fill(cache_, "a", second.token, "2"));
  EXPECT_EQ(get(cache_, "a"), "2");
}

TEST_P(CacheContract, AClaimEnds) {
  const auto claimed = claim(cache_, "a");
  pass(Cache::kClaimTtl + milliseconds(50));
  EXPECT_FALSE(fill(cache_, "a", claimed.token, "1"));
}

TEST_P(CacheContract, EraseTakesEntriesAndManyAtOnce) {
  std::vector<std::string> keys;
  for (int i = 0; i < 1'500; ++i) {
    keys.push_back(std::to_string(i));
  }
  put(cache_, "0", "x");
  put(cache_, "1499", "x");
  put(cache_, "other", "x");
  erase(cache_, keys);
  EXPECT_EQ(get(cache_, "0"), std::nullopt);
  EXPECT_EQ(get(cache_, "1499"), std::nullopt);
  EXPECT_EQ(get(cache_, "other"), "x");
  erase(cache_, {});
}

TEST_P(CacheContract, ACallbackMayUseTheCache) {
  std::promise<Value> seen;
  cache_.put_if_absent("ann", "a", "1", minutes(1), [&](Result<Value>) {
    cache_.get("a", [&](Result<Value> found) { seen.set_value(found.value()); });
  });
  EXPECT_EQ(seen.get_future().get(), "1");
}

TEST_P(CacheContract, OfManyThreadsOnePuts) {
  constexpr int kThreads = 8;
  constexpr int kKeys = 500;
  std::vector<std::atomic<int>> winners(kKeys);
  std::vector<std::atomic<int>> winner_of(kKeys);
  std::atomic<int> disagreements = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 1; t <= kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int k = 0; k < kKeys; ++k) {
          const Value before = put(cache_, std::to_string(k), std::to_string(t));
          if (!before) {
            ++winners[static_cast<size_t>(k)];
            winner_of[static_cast<size_t>(k)] = t;
          } else if (get(cache_, std::to_string(k)) != before) {
            ++disagreements;
          }
        }
      });
    }
  }
  EXPECT_EQ(disagreements, 0);
  for (int k = 0; k < kKeys; ++k) {
    EXPECT_EQ(winners[static_cast<size_t>(k)], 1);
    EXPECT_EQ(get(cache_, std::to_string(k)), std::to_string(winner_of[static_cast<size_t>(k)]));
  }
}

TEST_P(CacheContract, OfManyThreadsThatClaimTheLastOneFills) {
  constexpr int kThreads = 8;
  constexpr int kKeys = 100;
  std::vector<std::atomic<int>> kept(kKeys);
  std::barrier all_claimed(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (size_t k = 0; k < kKeys; ++k) {
          const auto claimed = claim(cache_, std::to_string(k));
          all_claimed.arrive_and_wait();
          kept[k] += fill(cache_, std::to_string(k), claimed.token, std::to_string(t)) ? 1 : 0;
        }
      });
    }
  }
  for (size_t k = 0; k < kKeys; ++k) {
    EXPECT_EQ(kept[k], 1);
    EXPECT_NE(get(cache_, std::to_string(k)), std::nullopt);
  }
}

class MemoryCacheTest : public testing::Test {
 protected:
  void pass_all() { clock_.advance(minutes(2)); }

  ManualClock clock_{{1'000}};
};

TEST_F(MemoryCacheTest, TheLeastRecentlyUsedEntryGoesFirst) {
  constexpr size_t kEntry = MemoryCache::kEntryOverhead_bytes + 3;
  MemoryCache small(clock_, 100 * kEntry);
  const auto put_own = [&](int i) {
    const std::string name = fmt::format("{:02}", i);
    put(small, name, "1", minutes(1), name);
  };
  for (int i = 0; i < 100; ++i) {
    put_own(i % 100);
  }
  EXPECT_EQ(get(small, "00"), "1");
  put(small, "xx", "1", minutes(1), "xx");
  EXPECT_EQ(get(small, "01"), std::nullopt);
  EXPECT_EQ(get(small, "00"), "1");
  EXPECT_EQ(get(small, "02"), "1");
  EXPECT_EQ(get(small, "xx"), "1");
}

TEST_F(MemoryCacheTest, TheLimitInBytesHolds) {
  constexpr size_t kLimit_bytes = 100'000;
  MemoryCache small(clock_, kLimit_bytes);
  for (int i = 0; i < 1000; ++i) {
    put(small, std::to_string(i), std::string(static_cast<size_t>(i), 'x'), minutes(1), std::to_string(i % 300));
    EXPECT_LE(small.bytes(), kLimit_bytes);
  }
  EXPECT_GT(small.bytes(), kLimit_bytes / 2);
}

TEST_F(MemoryCacheTest, AnEntryLargerThanTheCacheIsGoneAtOnce) {
  MemoryCache small(clock_, 1000);
  EXPECT_EQ(put(small, "a", std::string(2000, 'x')), std::nullopt);
  EXPECT_EQ(get(small, "a"), std::nullopt);
  EXPECT_EQ(small.bytes(), 0U);
}

// 4,000 sends of one user at 1 MiB, as large as they are.
TEST_F(MemoryCacheTest, WhatOneUserSendsPushesOutNobodyElses) {
  MemoryCache small(clock_, 1 << 20);
  put(small, "victim's", "1", minutes(1), "victim");
  for (int i = 0; i < 8'000; ++i) {
    put(small, std::to_string(i), std::string(900, 'x'), minutes(1), "robot");
  }
  EXPECT_EQ(get(small, "victim's"), "1");
  EXPECT_LE(small.bytes(), (1U << 20) / 16 + 1'000);
  EXPECT_NE(get(small, "7999"), std::nullopt) << "the newest are there";
}

TEST_F(MemoryCacheTest, CopiesOfWhatDatabasesHoldLeaveHalfOfIt) {
  MemoryCache small(clock_, 1 << 20);
  put(small, "victim's", "1", minutes(1), "victim");
  for (int i = 0; i < 8'000; ++i) {
    replace(small, std::to_string(i), std::string(900, 'x'));
  }
  EXPECT_EQ(get(small, "victim's"), "1");
  EXPECT_LE(small.bytes(), (1U << 19) + 1'000);
}

TEST_F(MemoryCacheTest, AnOwnersOldestGoBeyondTheNumber) {
  MemoryCache small(clock_, 1 << 20, 3);
  for (const char* name : {"a", "b", "c", "d"}) {
    put(small, name, "1");
  }
  EXPECT_EQ(get(small, "a"), std::nullopt);
  EXPECT_EQ(get(small, "b"), "1");
  EXPECT_EQ(get(small, "d"), "1");
  pass_all();
  EXPECT_EQ(put(small, "b", "2"), std::nullopt) << "its life is over";
  EXPECT_EQ(get(small, "b"), "2");
}

}  // namespace
}  // namespace hongbao
