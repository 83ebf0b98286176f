// A cache of small texts with a time to live: pre-orders, idempotency, greetings. Any entry may vanish at any time, and
// nothing here decides about money. Asynchronous, because the distributed one is a server: a callback may run inline or
// on another thread, once.
//
// Threads: any.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hongbao {

class Cache {
 public:
  using Found = Done<std::optional<std::string>>;

  virtual ~Cache() = default;

  virtual void get(std::string_view key, Found done) = 0;
  // Keeps the first value: calls back with the one that was there, or nullopt when `value` was put. Atomic.
  virtual void put_if_absent(std::string_view key, std::string value, std::chrono::milliseconds ttl, Found done) = 0;
};

}  // namespace hongbao
