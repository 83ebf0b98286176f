// The packets in memory of one shard. The writer inserts and removes; any thread looks up. Striped, so that readers of
// different packets do not meet; a reader keeps what it found alive while the writer evicts it.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "shard/resident_packet.h"

namespace hongbao {

class PacketTable {
 public:
  // Any thread. Null when the packet is not resident.
  [[nodiscard]] std::shared_ptr<ResidentPacket> find(const PacketKey& key) const;

  // The writer.
  void insert(const std::shared_ptr<ResidentPacket>& packet);
  void erase(const PacketKey& key);
  void clear();

 private:
  static constexpr size_t kStripes = 64;
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<PacketKey, std::shared_ptr<ResidentPacket>> packets;
  };
  [[nodiscard]] Stripe& stripe(const PacketKey& key) { return stripes_[std::hash<PacketKey>()(key) % kStripes]; }
  [[nodiscard]] const Stripe& stripe(const PacketKey& key) const {
    return stripes_[std::hash<PacketKey>()(key) % kStripes];
  }

  std::array<Stripe, kStripes> stripes_;
};

}  // namespace hongbao
