// An inbox store over the memory store, with the faults of sim_order_store.h. One thread.
#pragma once

#include "sim/environment.h"
#include "sim/rewindable.h"
#include "support/memory_inbox_store.h"

namespace hongbao::sim {

class SimInboxStore final : public InboxStore {
 public:
  explicit SimInboxStore(Environment& env)
      : env_(env),
        outage_(env, Fault::kInboxRefuses),
        memory_([](auto& store) { store.emplace(); }, env.scenario.faults[Fault::kRestored] > 0) {}

  Result<bool> apply(const InboxBatch& batch) override {
    Faults& faults = env_.faults;
    env_.history.note("inbox_apply", batch.from.value, batch.vouchers.size());
    if (outage_.refuses()) {
      return refused();
    }
    env_.meanwhile(Moment::kCall);
    faults.crash_if(Fault::kInboxCrashBefore);
    if (faults.strikes(Fault::kInboxUnknownLost)) {
      return refused();
    }
    memory_.remember([batch](MemoryInboxStore& store) { (void)store.apply(batch); });
    auto applied = memory_->apply(batch);
    faults.crash_if(Fault::kInboxCrashAfter);
    return faults.strikes(Fault::kInboxUnknownLanded) ? refused() : std::move(applied);
  }
  Result<VoucherNo> cursor(ShardId shard) override {
    if (outage_.refuses()) {
      return refused();
    }
    auto cursor = memory_->cursor(shard);
    env_.meanwhile(Moment::kCall);
    return cursor;
  }
  Result<std::vector<SentEntry>> sent(const UserId& user, ListPosition before, size_t entries_max) override {
    return memory_->sent(user, before, entries_max);
  }
  Result<std::vector<ReceivedEntry>> received(const UserId& user, ListPosition before, size_t entries_max) override {
    return memory_->received(user, before, entries_max);
  }
  Result<YearSummary> summary(const UserId& user, int year) override { return memory_->summary(user, year); }

  // What is stored, for the checker: never refuses.
  InboxStore& stored() { return *memory_; }
  [[nodiscard]] size_t moment() const { return memory_.moment(); }
  void go_back(size_t moment) { memory_.go_back(moment); }

 private:
  Environment& env_;
  Outage outage_;
  Rewindable<MemoryInboxStore> memory_;
};

}  // namespace hongbao::sim
