// Sends the unclaimed rest of expired packets back: finds them in the order stores and asks their shards, which decide.
// `step` from one thread at a time.
#pragma once

#include <map>

#include "base/clock.h"
#include "service/shard_set.h"

namespace hongbao {

class Refunder {
 public:
  Refunder(const ShardSet& shards, const std::map<ShardId, OrderStore*>& stores, const Clock& clock)
      : shards_(shards), stores_(stores), clock_(clock) {}

  // One round over all shards: at most kPacketsAtOnceMax packets a shard. Waits for the answers, and returns how many
  // packets are refunded.
  size_t step();

 private:
  static constexpr size_t kPacketsAtOnceMax = 512;

  size_t step(ShardId id, OrderStore& store);

  const ShardSet& shards_;
  const std::map<ShardId, OrderStore*> stores_;
  const Clock& clock_;
};

}  // namespace hongbao
