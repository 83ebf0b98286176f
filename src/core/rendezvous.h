// Where things go, by rendezvous hashing (Thaler and Ravishankar, 1998): a new packet to a shard, a shard to a node.
// What is lost moves only its own keys. Public, the same on every node and for ever. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/ids.h"

namespace hongbao {

// The shard for a key (the sender and the idempotency key, so that a retried send lands on the same shard), of those
// that can take orders. nullopt when `shards` is empty.
std::optional<ShardId> choose_shard(std::string_view key, std::span<const ShardId> shards);

// The place in `nodes`, which are names, of the node that should own the shard. nullopt when `nodes` is empty.
std::optional<size_t> choose_node(ShardId shard, std::span<const std::string_view> nodes);

}  // namespace hongbao
