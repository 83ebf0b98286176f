#include "shard/packet_table.h"

#include "base/check.h"

namespace hongbao {

PacketRef PacketTable::find(const PacketKey& key) const {
  const Stripe& home = stripes_[stripe_of(key)];
  const std::lock_guard lock(home.mutex);
  const auto it = home.packets.find(key);
  return it == home.packets.end() ? nullptr : *it;
}

void PacketTable::insert(const PacketRef& packet) {
  Stripe& home = stripes_[stripe_of(packet->key())];
  const std::lock_guard lock(home.mutex);
  CHECK(home.packets.insert(packet).second);
}

void PacketTable::erase(const PacketKey& key) {
  Stripe& home = stripes_[stripe_of(key)];
  const std::lock_guard lock(home.mutex);
  if (const auto it = home.packets.find(key); it != home.packets.end()) {
    home.packets.erase(it);
  }
}

void PacketTable::clear() {
  for (Stripe& each : stripes_) {
    const std::lock_guard lock(each.mutex);
    each.packets.clear();
  }
}

}  // namespace hongbao
