// Where calls about the packets of a shard belong, as far as this node knows now. Any thread.
#pragma once

#include "routing/placement.h"

namespace hongbao {

struct Route {
  enum class Where : uint8_t {
    kHere,         // this node owns the shard
    kNode,         // `node` should own it
    kNobodyKnown,  // it changes hands: it is on its way here, or to a node that this one has not heard of
    kNoSuchShard,  // the region has no such shard
    kOtherRegion,  // it is not of this region
  };
  Where where = Where::kNobodyKnown;
  Member node{};
  // This node would say at once that the shard is not its own.
  bool is_away = false;
};

class Routes {
 public:
  // All outlive it. `region`: this node's.
  Routes(const ShardSet& shards, const Placement& placement, Region region)
      : shards_(shards), placement_(placement), region_(region) {}

  [[nodiscard]] Route find(ShardId id) const;

 private:
  const ShardSet& shards_;
  const Placement& placement_;
  const Region region_;
};

}  // namespace hongbao
