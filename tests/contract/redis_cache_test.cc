// What the cache in Redis promises beyond the contract: what callers see of a server that is slow, gone or emptied.
#include "adapters/redis/redis_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "contract/cache_calls.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

class RedisCacheTest : public testing::Test {
 protected:
  ~RedisCacheTest() override {
    engine("thaw", "redis");
    engine("restart", "redis");
  }
  // What a read is answered, and that it is not late: a command may have to connect and to greet before it is sent.
  ErrorCode refusal(Cache& cache) {
    const auto began = std::chrono::steady_clock::now();
    const auto found = ask<Value>([&](auto done) { cache.get("a", std::move(done)); });
    EXPECT_LT(std::chrono::steady_clock::now() - began, 2 * redis_options().answer_timeout + kSlack);
    return found ? ErrorCode::kInternal : found.error().code;
  }
  void await_recovery(Cache& cache) {
    const auto end = std::chrono::steady_clock::now() + kForever;
    while (!ask<Value>([&](auto done) { cache.get("a", std::move(done)); })) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      std::this_thread::sleep_for(milliseconds(20));
    }
  }

  // A command of the test's own, as an operator would give it.
  static void command(std::initializer_list<const char*> words) {
    const RedisOptions options = redis_options();
    redisContext* connection = redisConnect(options.server.host.c_str(), options.server.port);
    std::vector<const char*> texts(words);
    auto* reply =
        static_cast<redisReply*>(redisCommandArgv(connection, static_cast<int>(texts.size()), texts.data(), nullptr));
    ASSERT_TRUE(reply != nullptr && reply->type != REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redisFree(connection);
  }
  double available() { return add_gauge(registry_, "hongbao_cache_available", "").Value(); }

  static constexpr milliseconds kSlack{500};  // of a busy machine

  prometheus::Registry registry_;
  RedisCache cache_{redis_options(), registry_};
};

TEST_F(RedisCacheTest, AFrozenServerIsLeftAloneAndFoundAgain) {
  put(cache_, "a", "1");
  engine("freeze", "redis");
  for (int i = 0; i < RedisCache::kFailuresMax; ++i) {
    EXPECT_EQ(refusal(cache_), ErrorCode::kUnavailable);
  }
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(refusal(cache_), ErrorCode::kUnavailable);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, RedisCache::kOpenFor) << "nobody waits for it";
  engine("thaw", "redis");
  await_recovery(cache_);
  EXPECT_EQ(get(cache_, "a"), "1");
}

TEST_F(RedisCacheTest, AServerThatWasKilledIsFoundAgainWithItsScripts) {
  put(cache_, "a", "1");
  engine("kill", "redis");
  EXPECT_EQ(refusal(cache_), ErrorCode::kUnavailable);
  engine("start", "redis");
  await_recovery(cache_);
  EXPECT_EQ(get(cache_, "a"), std::nullopt) << "it kept nothing";
  EXPECT_TRUE(fill(cache_, "a", claim(cache_, "a").token, "2"));
}

TEST_F(RedisCacheTest, OneCommandProbesAServerThatStaysFrozen) {
  engine("freeze", "redis");
  for (int i = 0; i < RedisCache::kFailuresMax; ++i) {
    EXPECT_EQ(refusal(cache_), ErrorCode::kUnavailable);
  }
  EXPECT_EQ(available(), 0);
  std::this_thread::sleep_for(RedisCache::kOpenFor);
  std::atomic<int> answered = 0;
  for (int i = 0; i < 100; ++i) {
    cache_.get("a", [&](Result<Value> found) {
      EXPECT_TRUE(!found && found.error().code == ErrorCode::kUnavailable);
      ++answered;
    });
  }
  EXPECT_EQ(answered, 99) << "all but one go on at once";
  while (answered < 100) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  engine("thaw", "redis");
  await_recovery(cache_);
  EXPECT_EQ(available(), 1);
}

TEST_F(RedisCacheTest, AnEmptiedServerOnlyForgets) {
  put(cache_, "a", "1");
  const auto claimed = claim(cache_, "b");
  command({"FLUSHALL"});
  EXPECT_EQ(get(cache_, "a"), std::nullopt);
  EXPECT_FALSE(fill(cache_, "b", claimed.token, "old")) << "the claim is gone as well";
  EXPECT_TRUE(fill(cache_, "b", claim(cache_, "b").token, "1"));
}

TEST_F(RedisCacheTest, ScriptsThatTheServerForgotAreTaughtAgainUnnoticed) {
  const auto before = claim(cache_, "a");
  command({"SCRIPT", "FLUSH"});
  EXPECT_TRUE(fill(cache_, "a", before.token, "1"));
  command({"SCRIPT", "FLUSH"});
  EXPECT_EQ(claim(cache_, "a").value, "1");
}

TEST_F(RedisCacheTest, AServerThatWantsAPasswordGetsIt) {
  command({"CONFIG", "SET", "requirepass", "secret"});
  RedisOptions options = redis_options();
  options.server.password = "secret";
  {
    RedisCache knowing(options, registry_);
    EXPECT_EQ(put(knowing, "a", "1"), std::nullopt);
    EXPECT_EQ(get(knowing, "a"), "1");
    RedisCache ignorant(redis_options(), registry_);
    EXPECT_EQ(refusal(ignorant), ErrorCode::kUnavailable);
  }
}

TEST_F(RedisCacheTest, AHundredThousandCallsFromManyThreadsAreAllAnswered) {
  constexpr int kThreads = 8;
  constexpr int kCalls = 12'500;
  constexpr int kOnTheirWayMax = 1'000;  // of a thread
  RedisOptions options = redis_options();
  options.answer_timeout = kForever;  // whatever else the machine does
  RedisCache cache(options, registry_);
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::atomic<int> answered = 0;
        for (int i = 0; i < kCalls; ++i) {
          while (i - answered >= kOnTheirWayMax) {
            std::this_thread::yield();
          }
          const std::string key = std::to_string(t * kCalls + i / 2);
          if (i % 2 == 0) {
            cache.put(key, key, minutes(1), [&](Result<void> done) {
              right += done ? 1 : 0;
              ++answered;
            });
          } else {
            cache.get(key, [&, key](Result<Value> found) {
              right += found && *found == key ? 1 : 0;
              ++answered;
            });
          }
        }
        while (answered < kCalls) {
          std::this_thread::yield();
        }
      });
    }
  }
  EXPECT_EQ(right, kThreads * kCalls);
}

TEST_F(RedisCacheTest, MoreThanMayWaitIsRefusedAtOnce) {
  RedisOptions options = redis_options();
  options.commands_waiting_max = 10;
  RedisCache small(options, registry_);
  engine("freeze", "redis");
  std::atomic<int> overloaded = 0;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 100; ++i) {
    small.get("a", [&](Result<Value> found) {
      overloaded += !found && found.error().code == ErrorCode::kOverloaded ? 1 : 0;
      ++answered;
    });
  }
  EXPECT_GE(overloaded, 60);
  engine("thaw", "redis");
  const auto end = std::chrono::steady_clock::now() + kForever;
  while (answered < 100 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(answered, 100);
}

TEST_F(RedisCacheTest, WhatStillWaitsAtTheEndIsAnswered) {
  std::atomic<int> answered = 0;
  {
    RedisCache ending(redis_options(), registry_);
    for (int i = 0; i < 1'000; ++i) {
      ending.put_if_absent("ann", std::to_string(i), "x", minutes(1), [&](Result<Value>) { ++answered; });
    }
  }
  EXPECT_EQ(answered, 1'000);
}

TEST_F(RedisCacheTest, AnOwnersOldestGoBeyondTheNumber) {
  RedisOptions options = redis_options();
  options.owner_entries_max = 3;
  prometheus::Registry registry;
  RedisCache small(options, registry);
  put(small, "victim's", "1", minutes(1), "bob");
  for (const char* name : {"a", "b", "c", "d"}) {
    EXPECT_EQ(put(small, name, name), std::nullopt);
    EXPECT_EQ(put(small, name, "again"), name);
  }
  EXPECT_EQ(get(small, "a"), std::nullopt);
  EXPECT_EQ(get(small, "b"), "b");
  EXPECT_EQ(get(small, "d"), "d");
  EXPECT_EQ(get(small, "victim's"), "1");
}

}  // namespace
}  // namespace hongbao
