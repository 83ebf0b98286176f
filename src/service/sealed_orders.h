// An order store whose database, and whoever reads it or a copy of it, learns no share before it is drawn: packets'
// seeds lie there sealed under a key that the database does not have. Everything else is the store's below.
//
//     stored seed = seed ⊕ BLAKE2b-256(key of the day, day as 4 bytes ‖ local number as 8 bytes ‖ shard as text)
//
// Numbers are little-endian. A pad is used for one packet, for no id is ever given twice (docs/adr/0014). A seed that
// was changed where it is stored reads as another one, and whoever compares it with its commitment sees it.
//
// Threads: as the store below.
#pragma once

#include <memory>

#include "core/key_ring.h"
#include "ports/order_store.h"

namespace hongbao {

class SealedOrders final : public OrderStore {
 public:
  SealedOrders(std::unique_ptr<OrderStore> below, Subkeys<Key256> keys) : below_(std::move(below)), keys_(keys) {}

  Result<ShardHead> head() override { return below_->head(); }
  Result<std::vector<Voucher>> read_log(VoucherNo from, size_t vouchers_max) override {
    return below_->read_log(from, vouchers_max);
  }
  Result<ShardHead> acquire(const ShardOwner& owner, std::chrono::milliseconds lease) override {
    return below_->acquire(owner, lease);
  }
  Result<bool> renew(uint32_t epoch) override { return below_->renew(epoch); }
  Result<void> release(uint32_t epoch) override { return below_->release(epoch); }
  Result<ShardTenure> tenure() override { return below_->tenure(); }
  Result<std::vector<PacketKey>> due(Timestamp now, size_t packets_max) override {
    return below_->due(now, packets_max);
  }
  Result<OrderTotals> totals(VoucherNo since) override { return below_->totals(since); }
  Result<std::vector<PacketViolation>> violations(size_t max) override { return below_->violations(max); }
  Result<std::vector<StoredDay>> days() override { return below_->days(); }
  Result<bool> archive(uint32_t epoch, Day day, const GoOn& go_on) override {
    return below_->archive(epoch, day, go_on);
  }

  CommitOutcome commit(const CommitBatch& batch) override;
  Result<std::optional<StoredPacket>> load(const PacketKey& packet) override;
  Result<HotPacket> load_hot(const PacketKey& packet) override;

 private:
  // Seals what is open, and opens what is sealed.
  void turn(Order& order) const;

  const std::unique_ptr<OrderStore> below_;
  const Subkeys<Key256> keys_;
};

}  // namespace hongbao
