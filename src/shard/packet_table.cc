#include "shard/packet_table.h"

#include "base/check.h"

namespace hongbao {

std::shared_ptr<ResidentPacket> PacketTable::find(const PacketKey& key) const {
  const Stripe& home = stripe(key);
  const std::lock_guard lock(home.mutex);
  const auto it = home.packets.find(key);
  return it == home.packets.end() ? nullptr : it->second;
}

void PacketTable::insert(const std::shared_ptr<ResidentPacket>& packet) {
  Stripe& home = stripe(packet->order().key);
  const std::lock_guard lock(home.mutex);
  CHECK(home.packets.emplace(packet->order().key, packet).second);
}

void PacketTable::erase(const PacketKey& key) {
  Stripe& home = stripe(key);
  const std::lock_guard lock(home.mutex);
  home.packets.erase(key);
}

void PacketTable::clear() {
  for (Stripe& each : stripes_) {
    const std::lock_guard lock(each.mutex);
    each.packets.clear();
  }
}

}  // namespace hongbao
