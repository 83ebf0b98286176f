// Finished packets in two cache levels, so that any node can show one without asking its owner. The owner puts a packet
// there when it shows it; nothing has to be erased, because a finished packet never changes. Any thread; callbacks run
// inline or where the cache runs them.
#pragma once

#include <functional>

#include "core/packet_id.h"
#include "ports/cache.h"
#include "service/cache_reads.h"
#include "service/finished_packet.h"
#include "service/near_cache.h"

namespace hongbao {

class FinishedPacketCache {
 public:
  static constexpr std::chrono::hours kTtl{24};
  static constexpr std::chrono::minutes kNearTtl{10};
  static constexpr std::chrono::milliseconds kMissTtl{1'000};  // so a hot, open packet is not looked for all the time
  static constexpr NearCacheLimits kNearLimits{.entries_max = 8'192, .callers_waiting_max = 4'096};

  // All outlive it.
  FinishedPacketCache(Cache& cache, const PacketIdCodec& ids, const Clock& clock, prometheus::Registry& registry)
      : cache_(cache), ids_(ids), near_("views", kNearLimits, clock, registry), reads_(registry, "views") {}

  // Null when the caches don't have it, for whatever reason: its owner knows.
  void find(const PacketKey& key, std::move_only_function<void(FinishedPacketRef)> done);

  // By the packet's owner. Does nothing for a packet that is not finished, is too large, or was kept before.
  void keep(const ResidentPacket& packet);

 private:
  Cache& cache_;
  const PacketIdCodec& ids_;
  NearCache<PacketKey, FinishedPacketRef> near_;
  CacheReads reads_;
};

}  // namespace hongbao
