#include "service/near_cache.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/manual_clock.h"

namespace hongbao {
namespace {

using Near = NearCache<std::string, int>;
using std::chrono::milliseconds;

constexpr milliseconds kTtl{1'000};
constexpr size_t kEntriesMax = 16 * 4;

class NearCacheTest : public testing::Test {
 protected:
  // Asks for `key`; a load waits in `loads_` until the test ends it.
  void get(const std::string& key) {
    cache_.get(
        key, [this](Done<Near::Loaded> done) { loads_.push_back(std::move(done)); },
        [this](Result<int> value) { answers_.push_back(value ? *value : -static_cast<int>(value.error().code)); });
  }
  void end_load(size_t i, int value) { std::exchange(loads_[i], nullptr)(Near::Loaded{value, kTtl}); }

  double count(const std::string& result) {
    return add_counter(registry_, "hongbao_near_cache_reads_total",
                       "Reads of caches in the process; shared: waited for another's load.",
                       {{"cache", "test"}, {"result", result}})
        .Value();
  }

  ManualClock clock_{Timestamp{0}};
  prometheus::Registry registry_;
  Near cache_{"test", {.entries_max = kEntriesMax, .callers_waiting_max = 3}, clock_, registry_};
  std::vector<Done<Near::Loaded>> loads_;
  std::vector<int> answers_;
};

TEST_F(NearCacheTest, LoadsOnceForAllWhoAskMeanwhile) {
  get("a");
  get("a");
  get("a");
  ASSERT_EQ(loads_.size(), 1U);
  EXPECT_TRUE(answers_.empty());
  end_load(0, 7);
  EXPECT_EQ(answers_, (std::vector{7, 7, 7}));
  get("a");
  EXPECT_EQ(answers_.size(), 4U);
  EXPECT_EQ(loads_.size(), 1U);
  EXPECT_EQ((std::array{count("miss"), count("shared"), count("hit"), count("refused")}), (std::array{1., 2., 1., 0.}));
}

TEST_F(NearCacheTest, RefusesWhenTooManyWait) {
  for (const char* key : {"a", "a", "b", "a", "c"}) {
    get(key);
  }
  const int overloaded = -static_cast<int>(ErrorCode::kOverloaded);
  EXPECT_EQ(answers_, (std::vector{overloaded, overloaded}));
  EXPECT_EQ(count("refused"), 2);
  end_load(0, 1);
  end_load(1, 2);
  answers_.clear();
  get("c");
  EXPECT_EQ(loads_.size(), 3U) << "those who wait no longer make room";
}

TEST_F(NearCacheTest, AValueLivesAsLongAsItsTtl) {
  get("a");
  end_load(0, 7);
  clock_.advance(kTtl - milliseconds(1));
  EXPECT_EQ(cache_.find("a"), 7);
  clock_.advance(milliseconds(1));
  EXPECT_EQ(cache_.find("a"), std::nullopt);
  get("a");
  EXPECT_EQ(loads_.size(), 2U);
}

TEST_F(NearCacheTest, AnErrorIsForThoseWhoWaitAndIsNotKept) {
  get("a");
  get("a");
  std::exchange(loads_[0], nullptr)(fail(ErrorCode::kUnavailable));
  const int unavailable = -static_cast<int>(ErrorCode::kUnavailable);
  EXPECT_EQ(answers_, (std::vector{unavailable, unavailable}));
  get("a");
  ASSERT_EQ(loads_.size(), 2U);
  end_load(1, 7);
  EXPECT_EQ(answers_.back(), 7);
}

TEST_F(NearCacheTest, ALoadDoesNotReplaceWhatWasPutMeanwhile) {
  get("a");
  cache_.put("a", 8, kTtl);
  end_load(0, 7);
  EXPECT_EQ(answers_, (std::vector{8}));
  EXPECT_EQ(cache_.find("a"), 8);
}

TEST_F(NearCacheTest, TheLeastRecentlyUsedGoes) {
  cache_.put("kept", 1, kTtl);
  int found = 0;
  for (int i = 0; i < 100 * static_cast<int>(kEntriesMax); ++i) {
    cache_.put(std::to_string(i), i, kTtl);
    ASSERT_EQ(cache_.find("kept"), 1) << "it is in use";
  }
  for (int i = 0; i < 100 * static_cast<int>(kEntriesMax); ++i) {
    found += cache_.find(std::to_string(i)) ? 1 : 0;
  }
  EXPECT_EQ(found + 1, static_cast<int>(kEntriesMax));
}

TEST_F(NearCacheTest, ALoadMayEndAtOnceOrAskForMore) {
  int answer = 0;
  cache_.get(
      "a", [](Done<Near::Loaded> done) { done(Near::Loaded{7, kTtl}); },
      [&](Result<int>) {
        cache_.get("a", [](Done<Near::Loaded>) { FAIL(); }, [&](Result<int> value) { answer = value.value(); });
      });
  EXPECT_EQ(answer, 7);
}

TEST_F(NearCacheTest, ManyThreadsGetWhatTheyAskedFor) {
  Near cache("threads", {.entries_max = kEntriesMax, .callers_waiting_max = 1'000}, clock_, registry_);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        const int number = i % 200;
        cache.get(
            std::to_string(number), [number](Done<Near::Loaded> done) { done(Near::Loaded{number, kTtl}); },
            [&, number](Result<int> value) { right += value == number ? 1 : 0; });
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(right, 8'000);
}

}  // namespace
}  // namespace hongbao
