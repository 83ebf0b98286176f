// A cache that others can write to, made trustworthy: every entry bears a MAC under a key that the nodes share, over
// its cache key and its value. What has none, or another's, was written by somebody else: it counts as absent, is
// erased and counted. An entry that a node once wrote under the same key is believed again: what its callers keep does
// not become wrong, only old.
//
// Any thread; callbacks run where the cache below runs them.
#pragma once

#include <memory>

#include "base/metrics.h"
#include "core/key_ring.h"
#include "ports/cache.h"

namespace hongbao {

class SealedCache final : public Cache {
 public:
  SealedCache(std::unique_ptr<Cache> below, Subkeys<Key128> keys, prometheus::Registry& registry);

  // As others see it.
  [[nodiscard]] Cache& below() { return *below_; }

  void get(std::string_view key, Found done) override;
  void put_if_absent(std::string_view owner, std::string_view key, std::string value, std::chrono::milliseconds ttl,
                     Found done) override;
  void put(std::string_view key, std::string value, std::chrono::milliseconds ttl, Done<void> done) override;
  void get_or_claim(std::string_view key, Done<Claimed> done) override;
  void fill(std::string_view key, uint64_t token, std::string value, std::chrono::milliseconds ttl,
            Done<bool> done) override;
  void erase(std::vector<std::string> keys, Done<void> done) override {
    below_->erase(std::move(keys), std::move(done));
  }

 private:
  [[nodiscard]] std::string seal(std::string_view key, std::string value) const;
  // Takes the MAC off. False: it is not ours.
  [[nodiscard]] bool open(std::string_view key, std::string& value) const;
  void refuse(const std::string& key, Done<void> erased);

  const Subkeys<Key128> keys_;
  prometheus::Counter& refused_;
  const std::unique_ptr<Cache> below_;  // ends first: it may call back until then
};

}  // namespace hongbao
