#include "support/memory_ledger_store.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>

#include "base/check.h"
#include "base/log.h"

namespace hongbao {

Result<LedgerResult> MemoryLedgerStore::commit(const LedgerBatch& batch) {
  const std::scoped_lock lock(mutex_);
  LedgerResult result;
  for (const Posting& posting : batch.postings) {
    result.postings.push_back(post(posting));
  }
  for (const Settlement& settlement : batch.settlements) {
    result.applied.push_back(settle(settlement, batch.now + batch.deferral));
  }
  for (const DeferredTransfer& deferred : batch.retries) {
    result.retried.push_back(retry(deferred));
  }
  return result;
}

Posted MemoryLedgerStore::post(const Posting& posting) {
  const Transfer& transfer = posting.transfer;
  const bool pays = !posting.pay_token.empty();
  CHECK(!pays || transfer.packet.has_value());
  if (pays && !find(transfer.id)) {
    if (const auto refused = refuse_payment(posting, paid_before(posting))) {
      return *refused;
    }
  }
  const TransferVerdict verdict = judge_and_post(transfer);
  if (verdict == TransferVerdict::kPosted && pays) {
    const PendingPayment payment{
        .packet = *transfer.packet, .amount = transfer.amount, .pay_token = posting.pay_token, .at = transfer.at};
    CHECK(payments_.try_emplace(payment.packet, Payment{posting.send_key, payment}).second);
    CHECK(!posting.send_key || sends_.try_emplace(*posting.send_key, payment.packet).second);
  }
  return {outcome_of(verdict)};
}

PaidBefore MemoryLedgerStore::paid_before(const Posting& posting) const {
  PaidBefore before;
  if (const auto paid = payments_.find(*posting.transfer.packet); paid != payments_.end()) {
    before.of_packet = {paid->second.send_key};
  }
  const auto sent = posting.send_key ? sends_.find(*posting.send_key) : sends_.end();
  if (sent != sends_.end()) {
    before.of_send = sent->second;
  }
  return before;
}

bool MemoryLedgerStore::settle(const Settlement& settlement, Timestamp next_at) {
  if (read_cursor(settlement.shard) != settlement.from) {
    return false;
  }
  VoucherNo next = settlement.from;
  for (const Voucher& voucher : settlement.vouchers) {
    CHECK(voucher.no == next && voucher.packet.shard == settlement.shard);
    settle(voucher, next_at);
    next = next + 1;
  }
  cursors_[settlement.shard] = next;
  return true;
}

void MemoryLedgerStore::settle(const Voucher& voucher, Timestamp next_at) {
  const auto transfer = settlement_of(voucher);
  if (!transfer) {
    const auto payment = payments_.find(voucher.packet);
    if (payment == payments_.end()) {
      log_error("payment_missing", {{"shard", to_text(voucher.packet.shard)}, {"voucher", voucher.no.value}});
      return;
    }
    payment->second.settled = true;
    payment->second.payment.pay_token.clear();
    return;
  }
  CHECK(!find(transfer->id));
  const TransferVerdict verdict = judge_and_post(*transfer);
  if (verdict != TransferVerdict::kPosted) {
    CHECK(deferred_.try_emplace(transfer->id, DeferredTransfer{*transfer, verdict, 0, next_at}).second);
  }
}

bool MemoryLedgerStore::retry(const DeferredTransfer& deferred) {
  const TransferVerdict verdict = judge_and_post(deferred.transfer);
  if (verdict == TransferVerdict::kPosted || verdict == TransferVerdict::kDuplicate) {
    deferred_.erase(deferred.transfer.id);
    return true;
  }
  if (const auto entry = deferred_.find(deferred.transfer.id); entry != deferred_.end()) {
    entry->second.reason = verdict;
    entry->second.attempts = deferred.attempts + 1;
    entry->second.next_at = deferred.next_at;
  }
  return false;
}

TransferVerdict MemoryLedgerStore::judge_and_post(const Transfer& transfer) {
  Account debit = read(transfer.debit);
  Account credit = read(transfer.credit);
  const TransferVerdict verdict = judge_transfer(transfer, debit, credit, find(transfer.id));
  if (verdict == TransferVerdict::kPosted) {
    debit.debits_posted += transfer.amount;
    credit.credits_posted += transfer.amount;
    accounts_[debit.id] = debit;
    accounts_[credit.id] = credit;
    transfer_by_id_.emplace(transfer.id, transfers_.size());
    transfers_.push_back(transfer);
  }
  return verdict;
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
