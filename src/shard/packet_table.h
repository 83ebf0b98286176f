// The packets in memory of one shard. The writer inserts and removes; any thread looks up. Striped, so that readers of
// different packets do not meet.
#pragma once

#include <array>
#include <mutex>
#include <unordered_set>

#include "shard/resident_packet.h"

namespace hongbao {

class PacketTable {
 public:
  // Any thread. Null when the packet is not resident.
  [[nodiscard]] PacketRef find(const PacketKey& key) const;

  // The writer.
  void insert(const PacketRef& packet);
  void erase(const PacketKey& key);
  void clear();

 private:
  static constexpr size_t kStripes = 64;
  // By key, which the packet itself holds.
  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
    size_t operator()(const PacketKey& key) const noexcept { return std::hash<PacketKey>()(key); }
    size_t operator()(const PacketRef& packet) const noexcept { return (*this)(packet->key()); }
  };
  struct Equal {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
    bool operator()(const PacketRef& a, const PacketRef& b) const { return a->key() == b->key(); }
    bool operator()(const PacketKey& a, const PacketRef& b) const { return a == b->key(); }
    bool operator()(const PacketRef& a, const PacketKey& b) const { return a->key() == b; }
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_set<PacketRef, Hash, Equal> packets;
  };
  // The stripe by other bits than the set takes for its buckets.
  [[nodiscard]] static size_t stripe_of(const PacketKey& key) {
    return std::hash<PacketKey>()(key) >> 32 & (kStripes - 1);
  }

  std::array<Stripe, kStripes> stripes_;
};

}  // namespace hongbao
