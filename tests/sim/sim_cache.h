// The distributed cache: outlives the process, loses everything now and then, does not see what it has, and refuses.
// One thread; callbacks run inline.
#pragma once

#include <optional>

#include "adapters/memory/memory_cache.h"
#include "sim/environment.h"

namespace hongbao::sim {

class SimCache final : public Cache {
 public:
  explicit SimCache(Environment& env) : env_(env) { wipe(); }

  void get(std::string_view key, Found done) override {
    if (env_.faults.strikes(Fault::kCacheRefuses)) {
      done(refused_by_cache());
    } else if (env_.faults.strikes(Fault::kCacheStale)) {
      done(std::nullopt);
    } else {
      memory_->get(key, std::move(done));
    }
  }
  void put_if_absent(std::string_view owner, std::string_view key, std::string value, std::chrono::milliseconds ttl,
                     Found done) override {
    if (env_.faults.strikes(Fault::kCacheRefuses)) {
      done(refused_by_cache());
    } else if (env_.faults.strikes(Fault::kCacheStale)) {
      done(std::nullopt);
    } else {
      memory_->put_if_absent(owner, key, std::move(value), ttl, std::move(done));
    }
  }

  void put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) override {
    if (env_.faults.strikes(Fault::kCacheRefuses)) {
      done(refused_by_cache());
    } else {
      memory_->put(key, std::move(value), ttl, std::move(done));
    }
  }
  void get_or_claim(std::string_view key, Done<Claimed> done) override {
    if (env_.faults.strikes(Fault::kCacheRefuses)) {
      done(refused_by_cache());
    } else {
      memory_->get_or_claim(key, std::move(done));
    }
  }
  void fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
            Done<bool> done) override {
    if (env_.faults.strikes(Fault::kCacheRefuses)) {
      done(refused_by_cache());
    } else {
      memory_->fill(key, token, std::move(value), ttl, std::move(done));
    }
  }
  void erase(std::vector<std::string> keys, Done<void> done) override {
    if (env_.faults.strikes(Fault::kCacheRefuses)) {
      done(refused_by_cache());
    } else {
      memory_->erase(std::move(keys), std::move(done));
    }
  }

  void wipe() { memory_.emplace(env_.clock, kBytesMax); }

 private:
  static constexpr size_t kBytesMax = 16 << 20;

  static std::unexpected<Error> refused_by_cache() {
    return fail(ErrorCode::kUnavailable, "the simulated cache is down");
  }

  Environment& env_;
  std::optional<MemoryCache> memory_;
};

}  // namespace hongbao::sim
