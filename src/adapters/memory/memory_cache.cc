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

void MemoryCache::put_if_absent(std::string_view owner, std::string_view key, std::string value,
                                std::chrono::milliseconds ttl, Found done) {
  std::optional<std::string> found;
  {
    const std::scoped_lock lock(mutex_);
    found = find(key);
    if (!found) {
      keep(owner, key, std::move(value), ttl);
    }
  }
  done(std::move(found));
}

void MemoryCache::put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) {
  {
    const std::scoped_lock lock(mutex_);
    keep({}, key, std::move(value), ttl);
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
      keep({}, claim_of(key), std::to_string(claimed.token), kClaimTtl);
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
      keep({}, key, std::move(value), ttl);
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

void MemoryCache::keep(std::string_view owner, std::string_view key, std::string value, std::chrono::milliseconds ttl) {
  drop(key);
  const auto owners = owners_.try_emplace(std::string(owner)).first;
  entries_.push_front(
      {.key = std::string(key), .value = std::move(value), .expires_at = clock_.now() + ttl, .owner = owners});
  const auto entry = entries_.begin();
  auto& own = owners->second;
  entry->place = own.entries.insert(own.entries.end(), entry);
  by_key_.emplace(entry->key, entry);
  bytes_ += cost(*entry);
  own.bytes += cost(*entry);
  while (own.entries.size() > 1 && has_too_much(*owners)) {
    drop(own.entries.front());
  }
  if (has_too_much(*owners)) {
    drop(entry);  // too large, and its owner goes with it
  }
  while (bytes_ > bytes_max_) {
    drop(std::prev(entries_.end()));
  }
}

bool MemoryCache::has_too_much(const Owners::value_type& owner) const {
  if (owner.first.empty()) {
    return owner.second.bytes > bytes_max_ / kNobodysShare;
  }
  return owner.second.bytes > bytes_max_ / kOwnersShare || owner.second.entries.size() > owner_entries_max_;
}

void MemoryCache::drop(std::string_view key) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    drop(found->second);
  }
}

void MemoryCache::drop(Entries::iterator entry) {
  const auto owner = entry->owner;
  bytes_ -= cost(*entry);
  owner->second.bytes -= cost(*entry);
  owner->second.entries.erase(entry->place);
  if (owner->second.entries.empty()) {
    owners_.erase(owner);
  }
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace hongbao
