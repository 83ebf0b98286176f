#include "adapters/memory/memory_cache.h"

#include <utility>

namespace hongbao {
namespace {

std::string claim_of(std::string_view key) {
  return "claim:" + std::string(key);
}

}  // namespace

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
      keep(key, std::move(value), ttl);
    }
  }
  done(std::move(found));
}

void MemoryCache::put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) {
  {
    const std::scoped_lock lock(mutex_);
    keep(key, std::move(value), ttl);
  }
  done({});
}

void MemoryCache::get_or_claim(std::string_view key, Done<Claimed> done) {
  Claimed claimed;
  {
    const std::scoped_lock lock(mutex_);
    claimed.value = find(key);
    if (!claimed.value) {
      claimed.token = ++last_token_;
      keep(claim_of(key), std::to_string(claimed.token), kClaimTtl);
    }
  }
  done(std::move(claimed));
}

void MemoryCache::fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
                       Done<bool> done) {
  bool kept = false;
  {
    const std::scoped_lock lock(mutex_);
    const std::string claim = claim_of(key);
    kept = find(claim) == std::to_string(token);
    if (kept) {
      drop(claim);
      keep(key, std::move(value), ttl);
    }
  }
  done(kept);
}

void MemoryCache::erase(std::vector<std::string> keys, Done<void> done) {
  {
    const std::scoped_lock lock(mutex_);
    for (const std::string& key : keys) {
      drop(key);
      drop(claim_of(key));
    }
  }
  done({});
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

void MemoryCache::keep(std::string_view key, std::string value, std::chrono::milliseconds ttl) {
  drop(key);
  entries_.push_front({.key = std::string(key), .value = std::move(value), .expires_at = clock_.now() + ttl});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += cost(entries_.front());
  while (bytes_ > bytes_max_) {
    drop(std::prev(entries_.end()));
  }
}

void MemoryCache::drop(std::string_view key) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    drop(found->second);
  }
}

void MemoryCache::drop(Entries::iterator entry) {
  bytes_ -= cost(*entry);
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace hongbao
