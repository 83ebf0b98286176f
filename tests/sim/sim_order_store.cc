#include "sim/sim_order_store.h"

namespace hongbao::sim {

Result<ShardHead> SimOrderStore::acquire(std::string_view owner, std::chrono::milliseconds lease) {
  if (outage_.refuses()) {
    return refused();
  }
  const std::vector<CommitBatch> on_their_way = std::move(on_their_way_);
  on_their_way_.clear();
  std::vector<CommitBatch> too_late;
  for (const CommitBatch& batch : on_their_way) {
    if (env_.dice.one_in(2)) {
      env_.history.note("late_commit", static_cast<uint64_t>(memory_.commit(batch)));
    } else {
      too_late.push_back(batch);
    }
  }
  auto head = memory_.acquire(owner, lease);
  for (const CommitBatch& batch : too_late) {
    env_.history.note("too_late_commit", static_cast<uint64_t>(memory_.commit(batch)));
  }
  env_.faults.crash_if(Fault::kCrashOnAcquire);
  return head;
}

Result<bool> SimOrderStore::renew(uint32_t epoch) {
  return outage_.refuses() ? refused() : memory_.renew(epoch);
}

Result<void> SimOrderStore::release(uint32_t epoch) {
  return outage_.refuses() ? refused() : memory_.release(epoch);
}

CommitOutcome SimOrderStore::commit(const CommitBatch& batch) {
  Faults& faults = env_.faults;
  env_.history.note("orders_commit", batch.expected_next.value, batch.vouchers.size());
  if (outage_.refuses()) {
    return CommitOutcome::kUnknown;
  }
  env_.meanwhile();
  faults.crash_if(Fault::kOrdersCrashBefore);
  if (faults.strikes(Fault::kOrdersCrashDuring)) {
    on_their_way_.push_back(batch);
    throw Crash{};
  }
  if (faults.strikes(Fault::kOrdersUnknownLost)) {
    return CommitOutcome::kUnknown;
  }
  if (faults.strikes(Fault::kOrdersUnknownLate)) {
    on_their_way_.push_back(batch);
    return CommitOutcome::kUnknown;
  }
  const CommitOutcome outcome = memory_.commit(batch);
  faults.crash_if(Fault::kOrdersCrashAfter);
  if (faults.strikes(Fault::kOrdersUnknownLanded)) {
    outage_.perhaps_begin();
    return CommitOutcome::kUnknown;
  }
  return outcome;
}

Result<ShardHead> SimOrderStore::head() {
  return outage_.refuses() ? refused() : memory_.head();
}

Result<std::optional<StoredPacket>> SimOrderStore::load(const PacketKey& packet) {
  return outage_.refuses() ? refused() : memory_.load(packet);
}

Result<std::vector<Voucher>> SimOrderStore::read_log(VoucherNo from, size_t vouchers_max) {
  return outage_.refuses() ? refused() : memory_.read_log(from, vouchers_max);
}

Result<std::vector<PacketKey>> SimOrderStore::due(Timestamp now, size_t packets_max) {
  return outage_.refuses() ? refused() : memory_.due(now, packets_max);
}

}  // namespace hongbao::sim
