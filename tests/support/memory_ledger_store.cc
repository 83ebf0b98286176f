#include "support/memory_ledger_store.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <tuple>

#include "base/log.h"

namespace hongbao {

Result<LedgerResult> MemoryLedgerStore::commit(const LedgerBatch& batch) {
  const std::scoped_lock lock(mutex_);
  auto decision = decide(batch, {.read = [&](const LedgerReads& reads) { return read(reads); },
                                 .move = [&](const LedgerDecision& decided) { return unable(decided); },
                                 .undo = [] {}});
  if (!decision || breaks_a_key(*decision)) {
    return fail(ErrorCode::kInternal, "the batch contradicts what is stored");
  }
  write(*decision);
  return std::move(decision->result);
}

LedgerState MemoryLedgerStore::read(const LedgerReads& reads) const {
  LedgerState state;
  for (const ShardId shard : reads.cursors) {
    state.cursors[shard] = read_cursor(shard);
  }
  for (const AccountId& account : reads.accounts) {
    state.accounts.emplace(account.text(), read(account));
  }
  for (const std::string& id : reads.transfers) {
    if (auto posted = find(id)) {
      state.posted.emplace(id, std::move(*posted));
    }
  }
  read_payments(reads, state);
  for (const Day day : reads.days) {
    if (const auto counted = counted_.find(day); counted != counted_.end()) {
      state.counted.insert(*counted);
    }
  }
  return state;
}

void MemoryLedgerStore::read_payments(const LedgerReads& reads, LedgerState& state) const {
  for (const PacketKey& packet : reads.packets) {
    if (const auto paid = payments_.find(packet); paid != payments_.end()) {
      state.paid.emplace(packet, paid->second.send_key);
    }
  }
  for (const SendKey& send : reads.sends) {
    if (const auto sent = sends_.find(send); sent != sends_.end()) {
      state.sent.emplace(send, sent->second);
    }
  }
}

// What an engine finds out as it adds to its accounts.
std::vector<AccountId> MemoryLedgerStore::unable(const LedgerDecision& decision) const {
  std::vector<AccountId> unable;
  for (const LedgerDecision::Move& move : decision.moves) {
    const Account account = read(move.account);
    const bool full = move.credits > Money(0) && account.credits_posted.plus_clamped(move.credits) > kPostedMax;
    if (account.frozen || full) {
      unable.push_back(move.account);
    }
  }
  return unable;
}

// What an engine's unique keys refuse.
bool MemoryLedgerStore::breaks_a_key(const LedgerDecision& decision) const {
  std::set<std::string> ids;
  for (const LedgerDecision::NewTransfer& made : decision.transfers) {
    if (find(made.transfer.id) || !ids.insert(made.transfer.id).second) {
      return true;
    }
  }
  std::set<PacketKey> packets;
  std::set<SendKey> sends;
  for (const Posting* posting : decision.payments) {
    const PacketKey& packet = *posting->transfer.packet;
    const auto& send = posting->send_key;
    if (payments_.contains(packet) || !packets.insert(packet).second ||
        (send && (sends_.contains(*send) || !sends.insert(*send).second))) {
      return true;
    }
  }
  return std::ranges::any_of(decision.new_deferred, [&](const DeferredTransfer& deferred) {
    return deferred_.contains(deferred.transfer.id);
  });
}

void MemoryLedgerStore::write(const LedgerDecision& decision) {
  for (const LedgerDecision::Move& move : decision.moves) {
    Account& account = accounts_[move.account];
    account.id = move.account;
    account.debits_posted += move.debits;
    account.credits_posted += move.credits;
  }
  for (const LedgerDecision::NewTransfer& made : decision.transfers) {
    transfer_by_id_.emplace(made.transfer.id, transfers_.size());
    transfers_.push_back(made.transfer);
  }
  write_payments(decision);
  write_deferred(decision);
  for (const auto& [shard, next] : decision.cursors) {
    cursors_[shard] = next;
  }
  for (const auto& [day, amount] : decision.counted) {
    counted_[day] = amount;
  }
}

void MemoryLedgerStore::write_payments(const LedgerDecision& decision) {
  for (const Posting* posting : decision.payments) {
    const Transfer& transfer = posting->transfer;
    payments_[*transfer.packet] = {posting->send_key,
                                   {.packet = *transfer.packet,
                                    .transfer_id = transfer.id,
                                    .amount = transfer.amount,
                                    .pay_token = posting->pay_token,
                                    .at = transfer.at}};
    if (posting->send_key) {
      sends_.emplace(*posting->send_key, *transfer.packet);
    }
  }
  for (const PacketKey& packet : decision.no_longer_pending) {
    const auto payment = payments_.find(packet);
    if (payment == payments_.end()) {
      log_error("payment_missing", {{"shard", to_text(packet.shard)}, {"local", packet.local.value}});
      continue;
    }
    payment->second.settled = true;
    payment->second.payment.pay_token.clear();
  }
}

void MemoryLedgerStore::write_deferred(const LedgerDecision& decision) {
  for (const DeferredTransfer& deferred : decision.new_deferred) {
    deferred_.emplace(deferred.transfer.id, deferred);
  }
  for (const DeferredTransfer& deferred : decision.still_deferred) {
    if (const auto entry = deferred_.find(deferred.transfer.id); entry != deferred_.end()) {
      entry->second = deferred;
    }
  }
  for (const std::string& id : decision.no_longer_deferred) {
    deferred_.erase(id);
  }
}

Account MemoryLedgerStore::read(const AccountId& id) const {
  if (const auto found = accounts_.find(id); found != accounts_.end()) {
    return found->second;
  }
  Account empty;
  empty.id = id;
  return empty;
}

std::optional<Transfer> MemoryLedgerStore::find(std::string_view id) const {
  const auto found = transfer_by_id_.find(id);
  return found == transfer_by_id_.end() ? std::nullopt : std::optional(transfers_[found->second]);
}

VoucherNo MemoryLedgerStore::read_cursor(ShardId shard) const {
  const auto found = cursors_.find(shard);
  return found == cursors_.end() ? VoucherNo{} : found->second;
}

Result<void> MemoryLedgerStore::set_frozen(const AccountId& account, bool frozen) {
  const std::scoped_lock lock(mutex_);
  Account changed = read(account);
  changed.frozen = frozen;
  accounts_[account] = changed;
  return {};
}

Result<std::vector<UserId>> MemoryLedgerStore::frozen(size_t users_max) {
  const std::scoped_lock lock(mutex_);
  std::vector<UserId> users;
  for (const auto& [id, account] : accounts_) {
    if (account.frozen && id.is_user() && users.size() < users_max) {
      users.push_back(id.owner());
    }
  }
  return users;
}

Result<Account> MemoryLedgerStore::account(const AccountId& account) {
  const std::scoped_lock lock(mutex_);
  return read(account);
}

Result<std::optional<Transfer>> MemoryLedgerStore::transfer(std::string_view id) {
  const std::scoped_lock lock(mutex_);
  return find(id);
}

Result<std::vector<WalletTransfer>> MemoryLedgerStore::transfers(const AccountId& account, ListPosition before,
                                                                 size_t transfers_max) {
  const std::scoped_lock lock(mutex_);
  std::vector<WalletTransfer> found;
  for (uint64_t no = 1; no <= transfers_.size(); ++no) {
    const WalletTransfer entry{.no = no, .transfer = transfers_[no - 1]};
    if ((entry.transfer.debit == account || entry.transfer.credit == account) && entry.position() < before) {
      found.push_back(entry);
    }
  }
  std::ranges::sort(found, std::greater(), &WalletTransfer::position);
  found.resize(std::min(found.size(), transfers_max));
  return found;
}

Result<VoucherNo> MemoryLedgerStore::cursor(ShardId shard) {
  const std::scoped_lock lock(mutex_);
  return read_cursor(shard);
}

Result<std::vector<PacketKey>> MemoryLedgerStore::unpaid(const std::vector<PacketKey>& packets) {
  const std::scoped_lock lock(mutex_);
  std::vector<PacketKey> unpaid;
  std::ranges::copy_if(packets, std::back_inserter(unpaid),
                       [&](const PacketKey& packet) { return !payments_.contains(packet); });
  return unpaid;
}

Result<std::vector<PendingPayment>> MemoryLedgerStore::pending(ShardId shard, Timestamp until, size_t payments_max) {
  const std::scoped_lock lock(mutex_);
  std::vector<PendingPayment> pending;
  for (const auto& [packet, payment] : payments_) {
    if (packet.shard == shard && !payment.settled && payment.payment.at <= until) {
      pending.push_back(payment.payment);
    }
  }
  std::ranges::sort(pending, {}, [](const PendingPayment& payment) { return std::tuple(payment.at, payment.packet); });
  pending.resize(std::min(pending.size(), payments_max));
  return pending;
}

Result<std::vector<DeferredTransfer>> MemoryLedgerStore::deferred(ShardId shard, Timestamp now, size_t transfers_max) {
  const std::scoped_lock lock(mutex_);
  std::vector<DeferredTransfer> ready;
  for (const auto& [id, deferred] : deferred_) {
    if (deferred.transfer.packet && deferred.transfer.packet->shard == shard && deferred.next_at <= now) {
      ready.push_back(deferred);
    }
  }
  std::ranges::stable_sort(ready, {}, &DeferredTransfer::next_at);
  ready.resize(std::min(ready.size(), transfers_max));
  return ready;
}

Result<LedgerTotals> MemoryLedgerStore::totals(const std::vector<ShardId>& shards) {
  const std::scoped_lock lock(mutex_);
  LedgerTotals totals;
  totals.accounts = accounts_.size();
  totals.transfers = transfers_.size();
  for (const auto& [id, account] : accounts_) {
    totals.sum_over_accounts += account.balance();
    totals.debits_posted += account.debits_posted;
    totals.credits_posted += account.credits_posted;
    if (const auto creditor = id.creditor()) {
      totals.dues.emplace(*creditor, account.balance());
    }
    totals.accounts_negative += !id.may_go_negative() && account.balance() < Money(0) ? 1 : 0;
  }
  for (const Transfer& transfer : transfers_) {
    totals.sum_over_transfers += transfer.amount;
  }
  for (const ShardId shard : shards) {
    totals.shards.push_back(shard_totals(shard));
  }
  return totals;
}

LedgerTotals::Shard MemoryLedgerStore::shard_totals(ShardId shard) const {
  LedgerTotals::Shard totals;
  totals.shard = shard;
  totals.cursor = read_cursor(shard);
  totals.escrow = read(AccountId::escrow(shard)).balance();
  for (const auto& [packet, payment] : payments_) {
    if (packet.shard == shard && !payment.settled) {
      totals.pending += payment.payment.amount;
      ++totals.pending_count;
    }
  }
  for (const auto& [id, deferred] : deferred_) {
    if (deferred.transfer.packet && deferred.transfer.packet->shard == shard) {
      totals.deferred += deferred.transfer.amount;
      ++totals.deferred_count;
    }
  }
  return totals;
}

}  // namespace hongbao
