// A ledger store over the memory store, with the faults of sim_order_store.h. A commit that stays on its way lands
// just before the next one, or never. One thread.
#pragma once

#include "sim/environment.h"
#include "sim/rewindable.h"
#include "support/memory_ledger_store.h"

namespace hongbao::sim {

class SimLedgerStore final : public LedgerStore {
 public:
  explicit SimLedgerStore(Environment& env)
      : env_(env),
        outage_(env, Fault::kLedgerRefuses),
        memory_([](auto& store) { store.emplace(); }, env.scenario.faults[Fault::kRestored] > 0) {}

  Result<LedgerResult> commit(const LedgerBatch& batch) override;
  Result<void> set_frozen(const AccountId& account, bool frozen) override;
  Result<std::vector<UserId>> frozen(size_t users_max) override;
  Result<Account> account(const AccountId& account) override;
  Result<std::optional<Transfer>> transfer(std::string_view id) override;
  Result<std::vector<WalletTransfer>> transfers(const AccountId& account, ListPosition before,
                                                size_t transfers_max) override;
  Result<VoucherNo> cursor(ShardId shard) override;
  Result<std::vector<PacketKey>> unpaid(const std::vector<PacketKey>& packets) override;
  Result<std::vector<PendingPayment>> pending(ShardId shard, Timestamp until, size_t payments_max) override;
  Result<std::vector<DeferredTransfer>> deferred(ShardId shard, Timestamp now, size_t transfers_max) override;
  Result<LedgerTotals> totals(const std::vector<ShardId>& shards) override { return memory_->totals(shards); }

  // What is stored, for the checker: never refuses.
  LedgerStore& stored() { return *memory_; }
  [[nodiscard]] size_t moment() const { return memory_.moment(); }
  void go_back(size_t moment) {
    on_their_way_.clear();
    memory_.go_back(moment);
  }

 private:
  void land_late();
  Result<LedgerResult> commit_now(const LedgerBatch& batch);

  Environment& env_;
  Outage outage_;
  Rewindable<MemoryLedgerStore> memory_;
  std::vector<LedgerBatch> on_their_way_;
};

}  // namespace hongbao::sim
