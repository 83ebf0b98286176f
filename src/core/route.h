// Which shard a new packet goes to: rendezvous hashing (Thaler and Ravishankar, 1998) of the sender and the idempotency
// key over the shards that can take orders, so that a retried send lands on the same shard and a lost shard moves only
// its own keys. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/ids.h"

namespace hongbao {

// nullopt when `shards` is empty.
std::optional<ShardId> choose_shard(std::string_view key, std::span<const ShardId> shards);

}  // namespace hongbao
