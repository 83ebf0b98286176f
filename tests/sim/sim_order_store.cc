#include "sim/sim_order_store.h"

namespace hongbao::sim {
namespace {

constexpr std::chrono::milliseconds kNoLease{0};

}  // namespace

// Makes a call that takes a while, and may say nothing of what it did, or did not do.
template <class Call>
std::invoke_result_t<Call> SimOrderStore::perhaps_unknown(Fault fault, Call call) {
  if (outage_.refuses()) {
    return refused();
  }
  env_.meanwhile(Moment::kCall);
  const bool unknown = env_.faults.strikes(fault);
  if (unknown && env_.dice.one_in(2)) {
    return refused();
  }
  auto answer = call();
  env_.meanwhile(Moment::kCall);
  return unknown ? refused() : std::move(answer);
}

Result<ShardHead> SimOrderStore::acquire(const ShardOwner& owner, std::chrono::milliseconds lease) {
  return perhaps_unknown(Fault::kOrdersAcquireUnknown, [&]() -> Result<ShardHead> {
    std::erase_if(on_their_way_, [&](const CommitBatch& batch) {
      const bool lands = env_.dice.one_in(2);
      if (lands) {
        env_.history.note("late_commit", static_cast<uint64_t>(commit_now(batch)));
      }
      return lands;
    });
    auto head = memory_->acquire(owner, lease);
    if (!head) {
      return head;
    }
    memory_.remember([owner](MemoryOrderStore& store) { (void)store.acquire(owner, kNoLease); });
    holder_ = owner.name;
    env_.history.note("acquired", head->epoch, head->next_voucher.value);
    for (const CommitBatch& batch : std::exchange(on_their_way_, {})) {
      env_.history.note("too_late_commit", static_cast<uint64_t>(commit_now(batch)));
    }
    env_.faults.crash_if(Fault::kCrashOnAcquire);
    return head;
  });
}

Result<bool> SimOrderStore::renew(uint32_t epoch) {
  return perhaps_unknown(Fault::kOrdersRenewUnknown, [&] { return memory_->renew(epoch); });
}

Result<void> SimOrderStore::release(uint32_t epoch) {
  env_.history.note("release", epoch);
  return perhaps_unknown(Fault::kOrdersReleaseUnknown, [&] { return memory_->release(epoch); });
}

CommitOutcome SimOrderStore::commit(const CommitBatch& batch) {
  Faults& faults = env_.faults;
  env_.history.note("orders_commit", batch.expected_next.value, batch.vouchers.size());
  if (outage_.refuses()) {
    return CommitOutcome::kUnknown;
  }
  env_.meanwhile(Moment::kCall);
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
  const CommitOutcome outcome = commit_now(batch);
  faults.crash_if(Fault::kOrdersCrashAfter);
  env_.meanwhile(Moment::kCall);
  if (faults.strikes(Fault::kOrdersUnknownLanded)) {
    outage_.perhaps_begin();
    return CommitOutcome::kUnknown;
  }
  return outcome;
}

CommitOutcome SimOrderStore::commit_now(const CommitBatch& batch) {
  memory_.remember([batch](MemoryOrderStore& store) { (void)store.commit(batch); });
  return memory_->commit(batch);
}

Result<ShardHead> SimOrderStore::head() {
  return outage_.refuses() ? refused() : memory_->head();
}

Result<ShardTenure> SimOrderStore::tenure() {
  return outage_.refuses() ? refused() : memory_->tenure();
}

Result<std::optional<StoredPacket>> SimOrderStore::load(const PacketKey& packet) {
  if (outage_.refuses()) {
    return refused();
  }
  auto stored = memory_->load(packet);
  env_.meanwhile(Moment::kLoad);
  return stored;
}

Result<std::vector<Voucher>> SimOrderStore::read_log(VoucherNo from, size_t vouchers_max) {
  if (outage_.refuses()) {
    return refused();
  }
  auto vouchers = memory_->read_log(from, vouchers_max);
  env_.meanwhile(Moment::kCall);
  return vouchers;
}

Result<std::vector<PacketKey>> SimOrderStore::due(Timestamp now, size_t packets_max) {
  return outage_.refuses() ? refused() : memory_->due(now, packets_max);
}

}  // namespace hongbao::sim
