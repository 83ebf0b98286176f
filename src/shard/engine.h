// The shard engine: decides commands one after the other, in memory, and gathers what they write into one batch. Pure:
// time comes as an argument, packets that are not resident are asked for, and nothing is answered here. The runner
// (shard/shard.h) commits the batch and only then lets the answers go.
//
//   decide … decide → batch() → commit → committed()
//                              ↘ failed → start(head) forgets everything that was not committed
//
// One thread: the shard's writer. Readers reach the resident packets through the PacketTable.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "ports/order_store.h"
#include "shard/command.h"
#include "shard/packet_table.h"

namespace hongbao {

struct EngineLimits {
  std::chrono::milliseconds packet_ttl{};  // from payment to expiry
  size_t resident_bytes_max = 0;
};

class ShardEngine {
 public:
  ShardEngine(ShardId shard, PacketTable& table, EngineLimits limits) : shard_(shard), table_(table), limits_(limits) {}

  // Takes over at `head`: drops all resident packets and the open batch.
  void start(const ShardHead& head);

  // nullopt: the packet is not resident. Read it from the store, call `loaded`, and decide again before `committed`.
  // The answer may be given only when the open batch is committed.
  [[nodiscard]] std::optional<ShardAnswer> decide(const Command& command, Timestamp now);

  // What the store has for a packet that `decide` missed. kOverloaded: no memory is left and nothing can be evicted.
  Result<void> loaded(const PacketKey& key, const std::optional<StoredPacket>& stored);

  // What the decisions since the last `committed` write; empty when they were all repeats and refusals.
  [[nodiscard]] const CommitBatch& batch() const { return batch_; }
  // The batch is durable (or there was none): readers see it, and the next one begins.
  void committed();

  [[nodiscard]] size_t resident_bytes() const { return resident_bytes_; }
  [[nodiscard]] size_t resident_packets() const { return ring_.size(); }

 private:
  ShardAnswer activate(const ActivateCommand& command, Timestamp now);
  OpenAnswer open(ResidentPacket& packet, const Asker& asker, Timestamp now);
  OpenAnswer draw(ResidentPacket& packet, const Asker& taker, Timestamp now);
  ShardAnswer refund(ResidentPacket& packet, Timestamp now);

  // Numbers a voucher and puts it into the batch.
  VoucherNo write(Voucher voucher);
  void make_resident(const PacketRef& packet);
  bool evict_one();
  void touched(const PacketRef& packet);

  const ShardId shard_;
  PacketTable& table_;
  const EngineLimits limits_;

  CommitBatch batch_;
  std::vector<PacketRef> unpublished_;    // packets the batch touches
  std::unordered_set<PacketKey> absent_;  // looked up since the last `committed`, and not stored
  std::deque<PacketRef> ring_;            // resident packets in second-chance order
  size_t resident_bytes_ = 0;
};

}  // namespace hongbao
