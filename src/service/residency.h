// Brings a packet into its shard's memory and hands out its committed side. What opening and viewing begin with when
// the packet gate misses. Any thread; the callback runs inline or on the shard's writer thread.
#pragma once

#include "service/pre_orders.h"
#include "service/shard_set.h"

namespace hongbao {

class Residency {
 public:
  using Packet = ConstPacketRef;

  Residency(const ShardSet& shards, PreOrders& pre_orders) : shards_(shards), pre_orders_(pre_orders) {}

  // What is in memory; null otherwise.
  [[nodiscard]] Packet resident(const PacketKey& key) const;
  // Errors: kNotPaid (a pre-order stands), kNotFound, and those of Shard::submit.
  void find(const PacketKey& key, SteadyTime deadline, Done<Packet> done) const;
  // As `find`, behind whatever the shard was asked before.
  void load(const PacketKey& key, SteadyTime deadline, Done<Packet> done) const;

 private:
  void explain_absence(const PacketKey& key, Done<Packet> done) const;

  const ShardSet& shards_;
  PreOrders& pre_orders_;
};

std::unexpected<Error> packet_not_found();

}  // namespace hongbao
