// A finished packet with all its shares, apart from its shard's memory. It never changes again, and so may be kept and
// shown by any node for as long as it likes. Its seed is public. Pure; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/packet.h"
#include "shard/resident_packet.h"

namespace hongbao {

struct FinishedPacket {
  static constexpr uint32_t kSharesMax = 128;  // a packet with more is not kept

  Order order;
  PacketState state = PacketState::kExhausted;
  Money refunded;
  std::vector<Share> shares;  // by seq

  // nullptr while the packet is not finished, or when it has too many shares.
  static std::shared_ptr<const FinishedPacket> of(const ResidentPacket& packet);
};
using FinishedPacketRef = std::shared_ptr<const FinishedPacket>;  // null: not known

// As a record of the cache, under `cache_key`.
std::string print(const FinishedPacket& packet, std::string_view cache_key);
// nullptr for anything that `print` did not make for this cache key, which is that of packet `key`.
FinishedPacketRef parse_finished_packet(std::string_view record, const PacketKey& key, std::string_view cache_key);

}  // namespace hongbao
