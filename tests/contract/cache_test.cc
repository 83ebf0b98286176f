// The contract of ports/cache.h, and what the embedded cache promises beyond it.
#include "ports/cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "adapters/memory/memory_cache.h"
#include "support/manual_clock.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using Value = std::optional<std::string>;

class CacheContract : public testing::Test {
 protected:
  static Value get(Cache& cache, std::string_view key) {
    Value found;
    int calls = 0;
    cache.get(key, [&](Result<Value> result) {
      ++calls;
      found = result.value();
    });
    EXPECT_EQ(calls, 1);
    return found;
  }
  static Value put(Cache& cache, std::string_view key, std::string value, milliseconds ttl = minutes(1)) {
    Value found;
    int calls = 0;
    cache.put_if_absent(key, std::move(value), ttl, [&](Result<Value> result) {
      ++calls;
      found = result.value();
    });
    EXPECT_EQ(calls, 1);
    return found;
  }

  ManualClock clock_{{1'000}};
  MemoryCache cache_{clock_, 1 << 20};
};

TEST_F(CacheContract, AnAbsentKeyReadsAsNothing) {
  EXPECT_EQ(get(cache_, "a"), std::nullopt);
}

TEST_F(CacheContract, TheFirstValueIsKept) {
  EXPECT_EQ(put(cache_, "a", "1"), std::nullopt);
  EXPECT_EQ(put(cache_, "a", "2"), "1");
  EXPECT_EQ(get(cache_, "a"), "1");
  EXPECT_EQ(get(cache_, "b"), std::nullopt);
}

TEST_F(CacheContract, AnEmptyValueIsAValue) {
  EXPECT_EQ(put(cache_, "a", ""), std::nullopt);
  EXPECT_EQ(get(cache_, "a"), "");
}

TEST_F(CacheContract, AnEntryIsGoneAfterItsTimeToLive) {
  put(cache_, "a", "1", milliseconds(100));
  clock_.advance(milliseconds(99));
  EXPECT_EQ(get(cache_, "a"), "1");
  clock_.advance(milliseconds(1));
  EXPECT_EQ(get(cache_, "a"), std::nullopt);
  EXPECT_EQ(put(cache_, "a", "2"), std::nullopt);
  EXPECT_EQ(get(cache_, "a"), "2");
}

TEST_F(CacheContract, ReadingDoesNotLengthenALife) {
  put(cache_, "a", "1", milliseconds(100));
  clock_.advance(milliseconds(60));
  EXPECT_EQ(get(cache_, "a"), "1");
  EXPECT_EQ(put(cache_, "a", "2", minutes(9)), "1");
  clock_.advance(milliseconds(60));
  EXPECT_EQ(get(cache_, "a"), std::nullopt);
}

TEST_F(CacheContract, TheLeastRecentlyUsedEntryGoesFirst) {
  MemoryCache small(clock_, 3 * (MemoryCache::kEntryOverhead_bytes + 2));
  put(small, "a", "1");
  put(small, "b", "2");
  put(small, "c", "3");
  EXPECT_EQ(get(small, "a"), "1");
  put(small, "d", "4");
  EXPECT_EQ(get(small, "b"), std::nullopt);
  EXPECT_EQ(get(small, "a"), "1");
  EXPECT_EQ(get(small, "c"), "3");
  EXPECT_EQ(get(small, "d"), "4");
}

TEST_F(CacheContract, TheLimitInBytesHolds) {
  constexpr size_t kLimit_bytes = 10'000;
  MemoryCache small(clock_, kLimit_bytes);
  for (int i = 0; i < 1000; ++i) {
    put(small, std::to_string(i), std::string(static_cast<size_t>(i), 'x'));
    EXPECT_LE(small.bytes(), kLimit_bytes);
  }
  EXPECT_GT(small.bytes(), 0U);
}

TEST_F(CacheContract, AnEntryLargerThanTheCacheIsGoneAtOnce) {
  MemoryCache small(clock_, 1000);
  EXPECT_EQ(put(small, "a", std::string(2000, 'x')), std::nullopt);
  EXPECT_EQ(get(small, "a"), std::nullopt);
  EXPECT_EQ(small.bytes(), 0U);
}

TEST_F(CacheContract, ACallbackMayUseTheCache) {
  Value seen;
  cache_.put_if_absent("a", "1", minutes(1), [&](Result<Value>) { seen = get(cache_, "a"); });
  EXPECT_EQ(seen, "1");
}

TEST_F(CacheContract, OfManyThreadsOnePuts) {
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

}  // namespace
}  // namespace hongbao
