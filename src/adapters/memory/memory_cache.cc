#include "adapters/memory/memory_cache.h"

#include <utility>

namespace hongbao {

void MemoryCache::get(std::string_view key, Found done) {
  std::optional<std::string> found;
  {
    const std::scoped_lock lock(mutex_);
    found = find(key);
  }
  done(std::move(found));
}

void MemoryCache::put_if_absent(std::string_view key, std::string value, std::chrono::milliseconds ttl, Found done) {
  std::optional<std::string> found;
  {
    const std::scoped_lock lock(mutex_);
    found = find(key);
    if (!found) {
      put(key, std::move(value), clock_.now() + ttl);
    }
  }
  done(std::move(found));
}

size_t MemoryCache::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

std::optional<std::string> MemoryCache::find(std::string_view key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    return std::nullopt;
  }
  const auto entry = found->second;
  if (entry->expires_at <= clock_.now()) {
    drop(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->value;
}

void MemoryCache::put(std::string_view key, std::string value, Timestamp expires_at) {
  entries_.push_front({.key = std::string(key), .value = std::move(value), .expires_at = expires_at});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += cost(entries_.front());
  while (bytes_ > bytes_max_) {
    drop(std::prev(entries_.end()));
  }
}

void MemoryCache::drop(Entries::iterator entry) {
  bytes_ -= cost(*entry);
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace hongbao
