#include "core/rendezvous.h"

#include "base/crypto.h"

namespace hongbao {
namespace {

// The shard's name is the hash's key.
uint64_t score(ShardId shard, std::string_view key) {
  Key128 hash_key{};
  hash_key[0] = static_cast<uint8_t>(shard.region);
  hash_key[1] = static_cast<uint8_t>(shard.number & 0xff);
  hash_key[2] = static_cast<uint8_t>(shard.number >> 8);
  return siphash64(hash_key, as_bytes(key));
}

}  // namespace

std::optional<ShardId> choose_shard(std::string_view key, std::span<const ShardId> shards) {
  std::optional<ShardId> best;
  uint64_t best_score = 0;
  for (const ShardId shard : shards) {
    const uint64_t this_score = score(shard, key);
    if (!best || this_score > best_score) {
      best = shard;
      best_score = this_score;
    }
  }
  return best;
}

std::optional<size_t> choose_node(ShardId shard, std::span<const std::string_view> nodes) {
  std::optional<size_t> best;
  uint64_t best_score = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const uint64_t this_score = score(shard, nodes[i]);
    if (!best || this_score > best_score) {
      best = i;
      best_score = this_score;
    }
  }
  return best;
}

}  // namespace hongbao
