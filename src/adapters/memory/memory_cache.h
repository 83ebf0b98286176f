// The embedded cache: one process's memory, bounded in bytes, least recently used out first, with a time to live.
//
// Threads: any. Callbacks run inline, outside the lock.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "ports/cache.h"

namespace hongbao {

class MemoryCache final : public Cache {
 public:
  // What an entry costs beyond its key and value: list node, map node and their pointers, rounded up.
  static constexpr size_t kEntryOverhead_bytes = 192;

  // `clock` outlives the cache. An entry larger than `bytes_max` is accepted and gone at once.
  MemoryCache(const Clock& clock, size_t bytes_max) : clock_(clock), bytes_max_(bytes_max) {}

  void get(std::string_view key, Found done) override;
  void put_if_absent(std::string_view key, std::string value, std::chrono::milliseconds ttl, Found done) override;
  void put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) override;
  void get_or_claim(std::string_view key, Done<Claimed> done) override;
  void fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
            Done<bool> done) override;
  void erase(std::vector<std::string> keys, Done<void> done) override;

  [[nodiscard]] size_t bytes() const;

 private:
  struct Entry {
    std::string key;
    std::string value;
    Timestamp expires_at;
  };
  using Entries = std::list<Entry>;

  static size_t cost(const Entry& entry) { return entry.key.size() + entry.value.size() + kEntryOverhead_bytes; }
  // The live value, now the most recently used. An expired one is dropped.
  std::optional<std::string> find(std::string_view key);
  // Replaces what was there.
  void keep(std::string_view key, std::string value, std::chrono::milliseconds ttl);
  void drop(Entries::iterator entry);
  void drop(std::string_view key);

  const Clock& clock_;
  const size_t bytes_max_;
  mutable std::mutex mutex_;
  Entries entries_;  // most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_key_;
  size_t bytes_ = 0;
  uint64_t last_token_ = 0;
};

}  // namespace hongbao
