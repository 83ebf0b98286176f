// Which shards are this process's business: all of a deployment that it has to itself (SoleOwner), or those that fall
// to it among others (routing/placement.h). Any thread.
#pragma once

#include "service/shard_set.h"

namespace hongbao {

class Ownership {
 public:
  virtual ~Ownership() = default;

  // Whether it settles and lists what the shard has written. Who does not leaves the shard's log alone.
  [[nodiscard]] virtual bool follows(ShardId shard) const = 0;
  // Shards that new packets may go to.
  [[nodiscard]] virtual std::vector<ShardId> taking_orders() const = 0;
  // It knows where every call belongs.
  [[nodiscard]] virtual bool can_serve() const = 0;
};

class SoleOwner final : public Ownership {
 public:
  // `shards` outlive it.
  explicit SoleOwner(const ShardSet& shards) : shards_(shards) {}

  // Also when the shards have stopped: nobody else will.
  [[nodiscard]] bool follows(ShardId) const override { return true; }
  [[nodiscard]] std::vector<ShardId> taking_orders() const override { return shards_.taking_orders(); }
  [[nodiscard]] bool can_serve() const override { return !shards_.owned().empty(); }

 private:
  const ShardSet& shards_;
};

}  // namespace hongbao
