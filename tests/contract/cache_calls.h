// Calls of a cache that wait for their answers, for tests.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/redis/redis_cache.h"
#include "contract/engines.h"
#include "ports/cache.h"

namespace hongbao {

using Value = std::optional<std::string>;

inline constexpr std::chrono::seconds kForever{20};  // a test that waits so long has failed

// What a call is called back with, whichever thread that is on.
template <class T, class Call>
Result<T> ask(Call call) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  call([promise](Result<T> result) { promise->set_value(std::move(result)); });
  EXPECT_EQ(future.wait_for(kForever), std::future_status::ready);
  return future.get();
}

inline Value get(Cache& cache, std::string_view key) {
  return ask<Value>([&](auto done) { cache.get(key, std::move(done)); }).value();
}
inline Value put(Cache& cache, std::string_view key, std::string value,
                 std::chrono::milliseconds ttl = std::chrono::minutes(1), std::string_view owner = "ann") {
  return ask<Value>([&](auto done) { cache.put_if_absent(owner, key, std::move(value), ttl, std::move(done)); })
      .value();
}
inline void replace(Cache& cache, std::string_view key, std::string value,
                    std::chrono::milliseconds ttl = std::chrono::minutes(1)) {
  EXPECT_TRUE(ask<void>([&](auto done) { cache.put(key, std::move(value), ttl, std::move(done)); }));
}
inline Cache::Claimed claim(Cache& cache, std::string_view key) {
  return ask<Cache::Claimed>([&](auto done) { cache.get_or_claim(key, std::move(done)); }).value();
}
inline bool fill(Cache& cache, std::string_view key, uint64_t token, std::string value,
                 std::chrono::milliseconds ttl = std::chrono::minutes(1)) {
  return ask<bool>([&](auto done) { cache.fill(key, token, std::move(value), ttl, std::move(done)); }).value();
}
inline void erase(Cache& cache, std::vector<std::string> keys) {
  EXPECT_TRUE(ask<void>([&](auto done) { cache.erase(std::move(keys), std::move(done)); }));
}

inline RedisOptions redis_options() {
  const std::string address = required_environment("HONGBAO_TEST_REDIS");
  return {
      .server = {.host = "127.0.0.1", .port = static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)))},
      .answer_timeout = std::chrono::milliseconds(200),
      .owner_entries_max = 20'000,
      .prefix = scratch_prefix() + ":"};
}

}  // namespace hongbao
