// service/sealed_cache.h over a cache that a stranger writes to. That it is a cache like others is in
// tests/contract/cache_test.cc.
#include "service/sealed_cache.h"

#include <gtest/gtest.h>

#include "adapters/memory/memory_cache.h"
#include "support/manual_clock.h"

namespace hongbao::sealed_cache_test {
namespace {

constexpr std::chrono::minutes kTtl{1};

class SealedCacheTest : public testing::Test {
 protected:
  // The callbacks of a memory cache run inline.
  std::optional<std::string> get(const std::string& key) {
    std::optional<std::string> value = "no answer";
    sealed.get(key, [&](auto found) { value = found.value(); });
    return value;
  }
  std::optional<std::string> put_if_absent(const std::string& key, const std::string& value) {
    std::optional<std::string> before = "no answer";
    sealed.put_if_absent("owner", key, value, kTtl, [&](auto found) { before = found.value(); });
    return before;
  }
  void put(Cache& to, const std::string& key, const std::string& value) {
    to.put(key, value, kTtl, [](const auto& done) { EXPECT_TRUE(done); });
  }
  std::optional<std::string> raw(const std::string& key) {
    std::optional<std::string> value;
    below.get(key, [&](auto found) { value = found.value(); });
    return value;
  }
  double refused() { return add_counter(registry, "hongbao_cache_refused_total", "").Value(); }

  ManualClock clock{{1'000}};
  prometheus::Registry registry;
  SealedCache sealed{std::make_unique<MemoryCache>(clock, 1 << 20), Key128{7}, registry};
  Cache& below = sealed.below();
};

TEST_F(SealedCacheTest, WhatAStrangerPutIsAbsentAndGoes) {
  for (const std::string& forged : {std::string(), std::string("x"), std::string(16, '\0'), std::string(100, 'x')}) {
    put(below, "key", forged);
    EXPECT_EQ(get("key"), std::nullopt);
    EXPECT_EQ(raw("key"), std::nullopt);
  }
  EXPECT_EQ(refused(), 4);
}

TEST_F(SealedCacheTest, NoByteCanBeChangedAddedOrLeftOut) {
  put(sealed, "key", "value");
  const std::string good = raw("key").value();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    put(below, "key", changed);
    EXPECT_EQ(get("key"), std::nullopt) << i;
    put(below, "key", good.substr(0, i));
    EXPECT_EQ(get("key"), std::nullopt) << i;
  }
  put(below, "key", good);
  EXPECT_EQ(get("key"), "value");
}

TEST_F(SealedCacheTest, AnEntryIsOfOneCacheKeyAndOneSecret) {
  put(sealed, "send:mallory:1", "mallory's order");
  put(below, "send:alice:1", raw("send:mallory:1").value());
  EXPECT_EQ(get("send:alice:1"), std::nullopt);
  SealedCache other{std::make_unique<MemoryCache>(clock, 1 << 20), Key128{8}, registry};
  put(other, "key", "value");
  other.below().get("key", [&](auto found) { put(below, "key", found.value().value()); });
  EXPECT_EQ(get("key"), std::nullopt);
}

TEST_F(SealedCacheTest, AForgedEntryDoesNotStandInTheWay) {
  put(below, "key", "forged");
  EXPECT_EQ(put_if_absent("key", "first"), std::nullopt);
  EXPECT_EQ(put_if_absent("key", "second"), "first");
}

TEST_F(SealedCacheTest, AForgedEntryIsClaimedAnew) {
  put(below, "key", "forged");
  uint64_t token = 0;
  sealed.get_or_claim("key", [&](Result<Cache::Claimed> claimed) {
    EXPECT_EQ(claimed.value().value, std::nullopt);
    token = claimed->token;
  });
  ASSERT_NE(token, 0);
  sealed.fill("key", token, "filled", kTtl, [](Result<bool> kept) { EXPECT_TRUE(kept.value()); });
  EXPECT_EQ(get("key"), "filled");
}

}  // namespace
}  // namespace hongbao::sealed_cache_test
