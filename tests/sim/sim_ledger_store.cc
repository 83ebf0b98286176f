#include "sim/sim_ledger_store.h"

namespace hongbao::sim {

Result<LedgerResult> SimLedgerStore::commit(const LedgerBatch& batch) {
  Faults& faults = env_.faults;
  env_.history.note("ledger_commit", batch.postings.size(), batch.settlements.size());
  if (outage_.refuses()) {
    return refused();
  }
  land_late();
  env_.meanwhile(Moment::kCall);
  faults.crash_if(Fault::kLedgerCrashBefore);
  if (faults.strikes(Fault::kLedgerCrashDuring)) {
    on_their_way_.push_back(batch);
    throw Crash{};
  }
  if (faults.strikes(Fault::kLedgerUnknownLost)) {
    return refused();
  }
  if (faults.strikes(Fault::kLedgerUnknownLate)) {
    on_their_way_.push_back(batch);
    return refused();
  }
  auto result = commit_now(batch);
  faults.crash_if(Fault::kLedgerCrashAfter);
  return faults.strikes(Fault::kLedgerUnknownLanded) ? refused() : std::move(result);
}

Result<LedgerResult> SimLedgerStore::commit_now(const LedgerBatch& batch) {
  memory_.remember([batch](MemoryLedgerStore& store) { (void)store.commit(batch); });
  auto result = memory_->commit(batch);
  // At the end the audit looks at all accounts; what comes in later would hide an overdraft from it.
  for (const Posting& posting : batch.postings) {
    const Account payer = memory_->account(posting.transfer.debit).value();
    if (!payer.id.may_go_negative() && payer.balance() < Money(0)) {
      env_.violation(payer.id.text() + " has paid more than it had");
    }
  }
  return result;
}

void SimLedgerStore::land_late() {
  const std::vector<LedgerBatch> on_their_way = std::move(on_their_way_);
  on_their_way_.clear();
  for (const LedgerBatch& batch : on_their_way) {
    if (env_.dice.one_in(2)) {
      env_.history.note("late_ledger_commit");
      (void)commit_now(batch);
    }
  }
}

Result<void> SimLedgerStore::set_frozen(const AccountId& account, bool frozen) {
  if (outage_.refuses()) {
    return refused();
  }
  memory_.remember([account, frozen](MemoryLedgerStore& store) { (void)store.set_frozen(account, frozen); });
  return memory_->set_frozen(account, frozen);
}

Result<std::vector<UserId>> SimLedgerStore::frozen(size_t users_max) {
  return outage_.refuses() ? refused() : memory_->frozen(users_max);
}

Result<Account> SimLedgerStore::account(const AccountId& account) {
  return outage_.refuses() ? refused() : memory_->account(account);
}

Result<std::optional<Transfer>> SimLedgerStore::transfer(std::string_view id) {
  return outage_.refuses() ? refused() : memory_->transfer(id);
}

Result<std::vector<WalletTransfer>> SimLedgerStore::transfers(const AccountId& account, ListPosition before,
                                                              size_t transfers_max) {
  return outage_.refuses() ? refused() : memory_->transfers(account, before, transfers_max);
}

Result<VoucherNo> SimLedgerStore::cursor(ShardId shard) {
  if (outage_.refuses()) {
    return refused();
  }
  auto cursor = memory_->cursor(shard);
  env_.meanwhile(Moment::kCall);
  return cursor;
}

Result<std::vector<PacketKey>> SimLedgerStore::unpaid(const std::vector<PacketKey>& packets) {
  return outage_.refuses() ? refused() : memory_->unpaid(packets);
}

Result<std::vector<PendingPayment>> SimLedgerStore::pending(ShardId shard, Timestamp until, size_t payments_max) {
  return outage_.refuses() ? refused() : memory_->pending(shard, until, payments_max);
}

Result<std::vector<DeferredTransfer>> SimLedgerStore::deferred(ShardId shard, Timestamp now, size_t transfers_max) {
  return outage_.refuses() ? refused() : memory_->deferred(shard, now, transfers_max);
}

}  // namespace hongbao::sim
