// The first cache level: values in this process, bounded in number, least recently used out first, each with a time to
// live. What is missing is loaded once however many ask for it meanwhile. Several processes have several, so it is for
// what never changes, or may be shown a little late.
//
// Owned by whoever knows how to load. Threads: any; callbacks run inline or where the load ends, outside the locks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"

namespace hongbao {

struct NearCacheLimits {
  size_t entries_max;
  size_t callers_waiting_max;  // for loads, altogether; one more is refused with kOverloaded
};

// Copies of a `Value` should be cheap: a pointer to something constant, or a short text.
template <class Key, class Value>
class NearCache {
 public:
  struct Loaded {
    Value value;
    std::chrono::milliseconds ttl;
  };

  // `name`: in the metrics. `clock` and `registry` outlive the cache, and the cache outlives its loads.
  NearCache(const std::string& name, NearCacheLimits limits, const Clock& clock, prometheus::Registry& registry)
      : limits_(limits),
        clock_(clock),
        hits_(reads(registry, name, "hit")),
        misses_(reads(registry, name, "miss")),
        shared_(reads(registry, name, "shared")),
        refused_(reads(registry, name, "refused")) {}
  NearCache(const NearCache&) = delete;
  NearCache& operator=(const NearCache&) = delete;

  // The value that is here, or else what `load(Done<Loaded>)` brings. If the load fails, everyone who waits for it gets
  // the error, and nothing is kept.
  template <class Load>
  void get(const Key& key, Load&& load, Done<Value> done) {
    Stripe& stripe = stripe_of(key);
    std::unique_lock lock(stripe.mutex);
    if (std::optional<Value> found = find(stripe, key)) {
      lock.unlock();
      hits_.Increment();
      done(std::move(*found));
      return;
    }
    if (waiting_.fetch_add(1, std::memory_order_relaxed) >= limits_.callers_waiting_max) {
      lock.unlock();
      waiting_.fetch_sub(1, std::memory_order_relaxed);
      refused_.Increment();
      done(fail(ErrorCode::kOverloaded, "too many wait for the cache"));
      return;
    }
    const auto [load_of_key, is_first] = stripe.loads.try_emplace(key);
    load_of_key->second.push_back(std::move(done));
    lock.unlock();
    (is_first ? misses_ : shared_).Increment();
    if (is_first) {
      std::forward<Load>(load)(Done<Loaded>([this, key](Result<Loaded> loaded) { land(key, std::move(loaded)); }));
    }
  }

  // Only what is here.
  [[nodiscard]] std::optional<Value> find(const Key& key) {
    Stripe& stripe = stripe_of(key);
    const std::scoped_lock lock(stripe.mutex);
    return find(stripe, key);
  }

  // Replaces what is here; a load under way brings nothing newer.
  void put(const Key& key, Value value, std::chrono::milliseconds ttl) {
    Stripe& stripe = stripe_of(key);
    const std::scoped_lock lock(stripe.mutex);
    keep(stripe, key, std::move(value), ttl);
  }

 private:
  static constexpr size_t kStripes = 16;

  struct Entry {
    Key key;
    Value value;
    SteadyTime expires_at;
  };
  using Entries = std::list<Entry>;
  struct Stripe {
    std::mutex mutex;
    Entries entries;  // most recently used first
    std::unordered_map<Key, typename Entries::iterator> by_key;
    std::unordered_map<Key, std::vector<Done<Value>>> loads;  // under way, with those who wait
  };

  static prometheus::Counter& reads(prometheus::Registry& registry, const std::string& cache, const char* result) {
    return add_counter(registry, "hongbao_near_cache_reads_total",
                       "Reads of caches in the process; shared: waited for another's load.",
                       {{"cache", cache}, {"result", result}});
  }

  Stripe& stripe_of(const Key& key) {
    // Other bits than the maps use.
    return stripes_[(std::hash<Key>()(key) * 0x9e3779b97f4a7c15ULL) >> 60];
  }

  std::optional<Value> find(Stripe& stripe, const Key& key) {
    const auto found = stripe.by_key.find(key);
    if (found == stripe.by_key.end()) {
      return std::nullopt;
    }
    const auto entry = found->second;
    if (entry->expires_at <= clock_.steady_now()) {
      stripe.by_key.erase(found);
      stripe.entries.erase(entry);
      return std::nullopt;
    }
    stripe.entries.splice(stripe.entries.begin(), stripe.entries, entry);
    return entry->value;
  }

  void keep(Stripe& stripe, const Key& key, Value value, std::chrono::milliseconds ttl) {
    const SteadyTime expires_at = clock_.steady_now() + ttl;
    if (const auto found = stripe.by_key.find(key); found != stripe.by_key.end()) {
      found->second->value = std::move(value);
      found->second->expires_at = expires_at;
      return;
    }
    stripe.entries.push_front({key, std::move(value), expires_at});
    stripe.by_key.emplace(key, stripe.entries.begin());
    if (stripe.entries.size() > (limits_.entries_max + kStripes - 1) / kStripes) {
      stripe.by_key.erase(stripe.entries.back().key);
      stripe.entries.pop_back();
    }
  }

  void land(const Key& key, Result<Loaded> loaded) {
    Stripe& stripe = stripe_of(key);
    std::unique_lock lock(stripe.mutex);
    Result<Value> value = loaded ? Result<Value>(loaded->value) : std::unexpected(loaded.error());
    if (auto newer = find(stripe, key)) {  // put while it was loaded
      value = std::move(*newer);
    } else if (loaded) {
      keep(stripe, key, std::move(loaded->value), loaded->ttl);
    }
    auto callers = std::move(stripe.loads.extract(key).mapped());
    lock.unlock();
    waiting_.fetch_sub(callers.size(), std::memory_order_relaxed);
    for (Done<Value>& done : callers) {
      done(value);
    }
  }

  const NearCacheLimits limits_;
  const Clock& clock_;
  prometheus::Counter& hits_;
  prometheus::Counter& misses_;
  prometheus::Counter& shared_;
  prometheus::Counter& refused_;
  std::array<Stripe, kStripes> stripes_;
  static_assert(kStripes == 16, "stripe_of takes four bits");
  std::atomic<size_t> waiting_{0};
};

}  // namespace hongbao
