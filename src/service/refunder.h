// Sends the unclaimed rest of expired packets back: finds them in the order stores and asks their shards, which decide.
// Any thread.
#pragma once

#include <map>

#include "base/clock.h"
#include "service/shard_set.h"

namespace hongbao {

class Refunder {
 public:
  Refunder(const ShardSet& shards, const std::map<ShardId, OrderStore*>& stores, const Clock& clock)
      : shards_(shards), stores_(stores), clock_(clock) {}

  // One round over the shards that are owned here: at most kPacketsAtOnceMax packets a shard. Calls back with how many
  // are refunded now, inline or in a shard's writer step.
  void step(Done<size_t> done);

 private:
  static constexpr size_t kPacketsAtOnceMax = 512;

  [[nodiscard]] std::vector<PacketKey> due() const;

  const ShardSet& shards_;
  const std::map<ShardId, OrderStore*> stores_;
  const Clock& clock_;
};

}  // namespace hongbao
