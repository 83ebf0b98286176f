// The packet gate: what can be answered from memory never enters the shard's mailbox. Grabs, repeated opens and opens
// that come too late are answered from the published side of a resident packet; and a counter for each packet bounds
// how many of its opens may be on their way to the store.
//
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "base/result.h"
#include "core/open.h"
#include "shard/packet_table.h"

namespace hongbao {

// Counts one open as on its way until it is destroyed.
class OpenPermit {
 public:
  OpenPermit() = default;
  explicit OpenPermit(PacketRef packet) : packet_(std::move(packet)) {}
  OpenPermit(OpenPermit&& other) noexcept = default;
  OpenPermit& operator=(OpenPermit&& other) noexcept {
    std::swap(packet_, other.packet_);
    return *this;
  }
  ~OpenPermit() {
    if (packet_) {
      packet_->opens_in_flight.fetch_sub(1, std::memory_order_relaxed);
    }
  }

 private:
  PacketRef packet_;
};

class PacketGate {
 public:
  PacketGate(const PacketTable& table, uint32_t opens_in_flight_max)
      : table_(table), opens_in_flight_max_(opens_in_flight_max) {}

  // For a grab. nullopt: the packet is not resident, or its time is over and it is not finished, so that an open of
  // this user's that was in time may be on its way. Ask the shard to load it, and then `look_behind`.
  [[nodiscard]] std::optional<OpenAnswer> look(const PacketKey& key, const Asker& asker, Timestamp now) const;
  // Likewise, behind whatever this user asked of the shard before. nullopt: the packet is not resident.
  [[nodiscard]] std::optional<OpenAnswer> look_behind(const PacketKey& key, const Asker& asker, Timestamp now) const;

  // For an open. nullopt: the shard has to decide, also when the time of a packet that is not finished is over; and
  // when the packet is resident, the open is counted until `permit` uncounts it. kPacketBusy: opens_in_flight_max is
  // reached.
  [[nodiscard]] std::optional<Result<OpenAnswer>> enter(const PacketKey& key, const Asker& asker, Timestamp now,
                                                        OpenPermit& permit) const;

  // A resident packet whose activation is committed; null otherwise.
  [[nodiscard]] ConstPacketRef find(const PacketKey& key) const { return find_active(key); }

 private:
  [[nodiscard]] PacketRef find_active(const PacketKey& key) const;

  const PacketTable& table_;
  const uint32_t opens_in_flight_max_;
};

}  // namespace hongbao
