#include "service/sealed_cache.h"

#include <utility>

#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao {
namespace {

// The cache key's hash is the key of the value's: neither can be cut so that it says the other.
Hash128 mac_of(const Key128& secret, std::string_view key, std::string_view value) {
  return siphash128(siphash128(secret, as_bytes(key)), as_bytes(value));
}

}  // namespace

SealedCache::SealedCache(std::unique_ptr<Cache> below, Subkeys<Key128> keys, prometheus::Registry& registry)
    : keys_(keys),
      refused_(add_counter(registry, "hongbao_cache_refused_total",
                           "Entries of the cache that no node of this deployment wrote.")),
      below_(std::move(below)) {}

std::string SealedCache::seal(std::string_view key, std::string value) const {
  const Hash128 tag = mac_of(keys_.newest(), key, value);
  value.append(reinterpret_cast<const char*>(tag.data()), tag.size());
  return value;
}

bool SealedCache::open(std::string_view key, std::string& value) const {
  if (value.size() < sizeof(Hash128)) {
    return false;
  }
  const size_t size = value.size() - sizeof(Hash128);
  const Bytes tag = as_bytes(value).subspan(size);
  const std::string_view said = std::string_view(value).substr(0, size);
  if (!keys_.first_of([&](const Key128& secret) { return equal_constant_time(tag, mac_of(secret, key, said)); })) {
    return false;
  }
  value.resize(size);
  return true;
}

void SealedCache::refuse(const std::string& key, Done<void> erased) {
  refused_.Increment();
  if (const auto left_out = log_turn("cache_entry_not_believed")) {
    log_warn("cache_entry_not_believed", {{"key", key}, {"suppressed", *left_out}});
  }
  below_->erase({key}, std::move(erased));
}

void SealedCache::get(std::string_view key, Found done) {
  below_->get(key, [this, key = std::string(key), done = std::move(done)](auto found) mutable {
    if (found && *found && !open(key, **found)) {
      refuse(key, [](const auto&) {});
      found->reset();
    }
    done(std::move(found));
  });
}

void SealedCache::put_if_absent(std::string_view owner, std::string_view key, std::string value,
                                std::chrono::milliseconds ttl, Found done) {
  std::string sealed = seal(key, std::move(value));
  auto first = [this, owner = std::string(owner), key = std::string(key), sealed, ttl,
                done = std::move(done)](Result<std::optional<std::string>> found) mutable {
    if (!found || !*found || open(key, **found)) {
      done(std::move(found));
      return;
    }
    // What stood in the way is gone; should a stranger be quicker once more, this call has put nothing.
    refuse(key, [this, owner, key, sealed = std::move(sealed), ttl, done = std::move(done)](const auto&) mutable {
      below_->put_if_absent(owner, key, std::move(sealed), ttl,
                            [this, key, done = std::move(done)](auto again) mutable {
                              if (again && *again && !open(key, **again)) {
                                again = fail(ErrorCode::kUnavailable, "somebody else writes to the cache");
                              }
                              done(std::move(again));
                            });
    });
  };
  below_->put_if_absent(owner, key, sealed, ttl, std::move(first));
}

void SealedCache::put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) {
  below_->put(key, seal(key, std::move(value)), ttl, std::move(done));
}

void SealedCache::get_or_claim(std::string_view key, Done<Claimed> done) {
  below_->get_or_claim(key, [this, key = std::string(key), done = std::move(done)](Result<Claimed> claimed) mutable {
    if (!claimed || !claimed->value || open(key, *claimed->value)) {
      done(std::move(claimed));
      return;
    }
    refuse(key, [this, key, done = std::move(done)](const auto&) mutable {
      below_->get_or_claim(key, [this, key, done = std::move(done)](Result<Claimed> again) mutable {
        if (again && again->value && !open(key, *again->value)) {
          again = fail(ErrorCode::kUnavailable, "somebody else writes to the cache");
        }
        done(std::move(again));
      });
    });
  });
}

void SealedCache::fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
                       Done<bool> done) {
  below_->fill(key, token, seal(key, std::move(value)), ttl, std::move(done));
}

}  // namespace hongbao
