// Which shards are this process's business: all of a deployment that it has to itself (SoleOwner), or those that fall
// to it among others (routing/placement.h). Any thread.
#pragma once

#include "service/shard_set.h"

namespace hongbao {

class Ownership {
 public:
  virtual ~Ownership() = default;

  // It settles and lists what the shard has written, and believes what the owner of this term publishes. nullopt: it
  // leaves the shard's log alone.
  [[nodiscard]] virtual std::optional<Term> followed_term(ShardId shard) const = 0;
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
  [[nodiscard]] std::optional<Term> followed_term(ShardId shard) const override { return shards_.term(shard); }
  [[nodiscard]] std::vector<ShardId> taking_orders() const override { return shards_.taking_orders(); }
  [[nodiscard]] bool can_serve() const override { return !shards_.owned().empty(); }

 private:
  const ShardSet& shards_;
};

}  // namespace hongbao
