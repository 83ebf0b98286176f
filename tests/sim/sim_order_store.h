// An order store over the memory store, which survives every crash of the process: it crashes the process at each step
// of a commit, leaves the outcome unknown in every way, and refuses for a while. A commit may also stay on its way: it
// lands just before an acquisition, or arrives after it, where the fence must stop it. In every call others may go on.
// One thread.
#pragma once

#include "sim/environment.h"
#include "sim/rewindable.h"
#include "support/memory_order_store.h"

namespace hongbao::sim {

class SimOrderStore final : public OrderStore {
 public:
  SimOrderStore(ShardId shard, Environment& env)
      : env_(env),
        outage_(env, Fault::kOrdersRefuse),
        memory_([shard, &env](auto& store) { store.emplace(shard, env.database_clock); },
                env.scenario.faults[Fault::kRestored] > 0) {}

  Result<ShardHead> acquire(const ShardOwner& owner, std::chrono::milliseconds lease) override;
  Result<bool> renew(uint32_t epoch) override;
  Result<void> release(uint32_t epoch) override;
  CommitOutcome commit(const CommitBatch& batch) override;
  Result<ShardHead> head() override;
  Result<ShardTenure> tenure() override;
  Result<std::optional<StoredPacket>> load(const PacketKey& packet) override;
  Result<std::vector<Voucher>> read_log(VoucherNo from, size_t vouchers_max) override;
  Result<std::vector<PacketKey>> due(Timestamp now, size_t packets_max) override;
  Result<OrderTotals> totals(VoucherNo since) override { return memory_->totals(since); }
  Result<std::vector<PacketViolation>> violations(size_t max) override { return memory_->violations(max); }
  Result<std::vector<StoredDay>> days() override { return memory_->days(); }
  Result<bool> archive(uint32_t epoch, Day day, const GoOn& go_on) override {
    return memory_->archive(epoch, day, go_on);
  }

  // What is stored, for the checker: never refuses.
  OrderStore& stored() { return *memory_; }
  [[nodiscard]] size_t moment() const { return memory_.moment(); }
  void go_back(size_t moment) {
    on_their_way_.clear();
    memory_.go_back(moment);
  }
  // Who acquired it last.
  [[nodiscard]] const std::string& holder() const { return holder_; }
  // Of the whole database server.
  Outage& outage() { return outage_; }

 private:
  template <class Call>
  std::invoke_result_t<Call> perhaps_unknown(Fault fault, Call call);
  CommitOutcome commit_now(const CommitBatch& batch);

  Environment& env_;
  Outage outage_;
  Rewindable<MemoryOrderStore> memory_;
  std::string holder_;
  std::vector<CommitBatch> on_their_way_;
};

}  // namespace hongbao::sim
