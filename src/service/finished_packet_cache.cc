#include "service/finished_packet_cache.h"

namespace hongbao {
namespace {

std::string cache_key(const PacketIdCodec& ids, const PacketKey& packet) {
  return "view:" + ids.print(packet);
}

}  // namespace

void FinishedPacketCache::find(const PacketKey& key, std::move_only_function<void(FinishedPacketRef)> done) {
  using Near = NearCache<PacketKey, FinishedPacketRef>;
  const auto load = [&](Done<Near::Loaded> loaded) {
    const std::string kept_at = cache_key(ids_, key);
    cache_.get(kept_at, [this, key, kept_at, loaded = std::move(loaded)](auto read) mutable {
      FinishedPacketRef packet =
          reads_.count(read, [&](const std::string& record) { return parse_finished_packet(record, key, kept_at); });
      const auto ttl = packet ? std::chrono::milliseconds(kNearTtl) : kMissTtl;
      loaded(Near::Loaded{std::move(packet), ttl});
    });
  };
  near_.get(key, load, [done = std::move(done)](Result<FinishedPacketRef> found) mutable {
    done(found ? std::move(*found) : nullptr);
  });
}

void FinishedPacketCache::keep(const ResidentPacket& packet) {
  if (!is_finished(packet.published_state()) || near_.find(packet.key()).value_or(nullptr) != nullptr) {
    return;
  }
  FinishedPacketRef finished = FinishedPacket::of(packet);
  if (finished == nullptr) {
    return;
  }
  // Known here for a moment only, until the cache has it: what it refuses is put again.
  near_.put(packet.key(), finished, kMissTtl);
  const std::string kept_at = cache_key(ids_, packet.key());
  cache_.put(kept_at, print(*finished, kept_at), kTtl, [this, key = packet.key(), finished](Result<void> put) {
    if (put) {
      near_.put(key, finished, kNearTtl);
    }
  });
}

}  // namespace hongbao
