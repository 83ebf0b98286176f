// A cache of small texts with a time to live: pre-orders, idempotency, greetings, and copies of what databases hold.
// Any entry may vanish at any time, and nothing here decides about money. Asynchronous, because the distributed one is
// a server: a callback may run inline or on another thread, once. kUnavailable: the cache did not answer in time, or is
// not asked for a while because it failed; kOverloaded: too much waits for it.
//
// Copies of what changes elsewhere are filled under a claim: a miss gives a token, and `fill` keeps its value only if
// no `erase` of that key came in between. So a reader that a change has overtaken can't put the old value back (the
// leases of Nishtala et al., Scaling Memcache at Facebook, 2013).
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hongbao {

class Cache {
 public:
  using Found = Done<std::optional<std::string>>;
  struct Claimed {
    std::optional<std::string> value;
    uint64_t token = 0;  // when there is no value; never 0 then
  };
  static constexpr std::chrono::milliseconds kClaimTtl{2'000};  // a reader that takes longer fills nothing

  virtual ~Cache() = default;

  virtual void get(std::string_view key, Found done) = 0;
  // Keeps the first value: calls back with the one that was there, or nullopt when `value` was put. Atomic. The entry
  // counts as `owner`'s. An owner has so many entries at most as the cache was made for; one more pushes out the
  // owner's oldest, and never another's.
  virtual void put_if_absent(std::string_view owner, std::string_view key, std::string value,
                             std::chrono::milliseconds ttl, Found done) = 0;
  virtual void put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) = 0;

  virtual void get_or_claim(std::string_view key, Done<Claimed> done) = 0;
  // Calls back whether the value was kept. Of several claims of one key the last one counts.
  virtual void fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
                    Done<bool> done) = 0;
  // Entries and claims.
  virtual void erase(std::vector<std::string> keys, Done<void> done) = 0;
};

}  // namespace hongbao
