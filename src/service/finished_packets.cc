#include "service/finished_packets.h"

namespace hongbao {
namespace {

std::string cache_key(std::string_view id) {
  return "view:" + std::string(id);
}

}  // namespace

void FinishedPackets::find(const PacketKey& key, std::move_only_function<void(FinishedPacketRef)> done) {
  using Near = NearCache<PacketKey, FinishedPacketRef>;
  const auto load = [&](Done<Near::Loaded> loaded) {
    std::string id = ids_.print(key);
    cache_.get(cache_key(id), [this, key, id, loaded = std::move(loaded)](auto read) mutable {
      const auto record = reads_.count(std::move(read));
      FinishedPacketRef packet = record ? parse_finished_packet(*record, key, id) : nullptr;
      const auto ttl = packet ? std::chrono::milliseconds(kNearTtl) : kMissTtl;
      loaded(Near::Loaded{std::move(packet), ttl});
    });
  };
  near_.get(key, load, [done = std::move(done)](Result<FinishedPacketRef> found) mutable {
    done(found ? std::move(*found) : nullptr);
  });
}

void FinishedPackets::keep(const ResidentPacket& packet) {
  if (!is_finished(packet.published_state()) || near_.find(packet.key()).value_or(nullptr) != nullptr) {
    return;
  }
  FinishedPacketRef finished = FinishedPacket::of(packet);
  if (finished == nullptr) {
    return;
  }
  // Known here for a moment only, until the cache has it: what it refuses is put again.
  near_.put(packet.key(), finished, kMissTtl);
  const std::string id = ids_.print(packet.key());
  cache_.put(cache_key(id), print(*finished, id), kTtl, [this, key = packet.key(), finished](Result<void> put) {
    if (put) {
      near_.put(key, finished, kNearTtl);
    }
  });
}

}  // namespace hongbao
