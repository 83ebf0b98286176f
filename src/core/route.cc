#include "core/route.h"

#include "base/crypto.h"

namespace hongbao {

std::optional<ShardId> choose_shard(std::string_view key, std::span<const ShardId> shards) {
  std::optional<ShardId> best;
  uint64_t best_score = 0;
  for (const ShardId shard : shards) {
    // The shard's name is the hash's key: public, the same on every node and for ever.
    Key128 hash_key{};
    hash_key[0] = static_cast<uint8_t>(shard.region);
    hash_key[1] = static_cast<uint8_t>(shard.number & 0xff);
    hash_key[2] = static_cast<uint8_t>(shard.number >> 8);
    const uint64_t score = siphash64(hash_key, as_bytes(key));
    if (!best || score > best_score) {
      best = shard;
      best_score = score;
    }
  }
  return best;
}

}  // namespace hongbao
