// The embedded cache: one process's memory, bounded in bytes, least recently used out first, with a time to live. An
// owner's entries take a sixteenth of it at most, and those that are nobody's a half: so what one user sends pushes out
// that user's own, and copies of databases, which are many, leave room for what is only here.
//
// Threads: any. Callbacks run inline, outside the lock.
#pragma once

#include <cstdint>
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
  // What an entry costs beyond its key and value: two list nodes, map node and their pointers, rounded up. Its owner's
  // name is kept once.
  static constexpr size_t kEntryOverhead_bytes = 256;

  // `clock` outlives the cache. An entry larger than `bytes_max` is accepted and gone at once.
  // `owner_entries_max`: of each owner's.
  MemoryCache(const Clock& clock, size_t bytes_max, size_t owner_entries_max = SIZE_MAX)
      : clock_(clock), bytes_max_(bytes_max), owner_entries_max_(owner_entries_max) {}

  void get(std::string_view key, Found done) override;
  void put_if_absent(std::string_view owner, std::string_view key, std::string value, std::chrono::milliseconds ttl,
                     Found done) override;
  void put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) override;
  void get_or_claim(std::string_view key, Done<Claimed> done) override;
  void fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
            Done<bool> done) override;
  void erase(std::vector<std::string> keys, Done<void> done) override;

  [[nodiscard]] size_t bytes() const;

 private:
  static constexpr size_t kOwnersShare = 16;
  static constexpr size_t kNobodysShare = 2;

  struct Entry;
  using Entries = std::list<Entry>;
  struct Owner {
    size_t bytes = 0;
    std::list<Entries::iterator> entries;  // oldest first
  };
  using Owners = std::unordered_map<std::string, Owner>;
  struct Entry {
    std::string key;
    std::string value;
    Timestamp expires_at;
    Owners::iterator owner{};
    std::list<Entries::iterator>::iterator place{};  // among the owner's
  };

  static size_t cost(const Entry& entry) { return entry.key.size() + entry.value.size() + kEntryOverhead_bytes; }
  // The live value, now the most recently used. An expired one is dropped.
  std::optional<std::string> find(std::string_view key);
  // Replaces what was there. An empty `owner` is nobody.
  void keep(std::string_view owner, std::string_view key, std::string value, std::chrono::milliseconds ttl);
  [[nodiscard]] bool has_too_much(const Owners::value_type& owner) const;
  void drop(Entries::iterator entry);
  void drop(std::string_view key);

  const Clock& clock_;
  const size_t bytes_max_;
  const size_t owner_entries_max_;
  mutable std::mutex mutex_;
  Entries entries_;  // most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_key_;
  Owners owners_;
  size_t bytes_ = 0;
  uint64_t last_token_ = 0;
};

}  // namespace hongbao
