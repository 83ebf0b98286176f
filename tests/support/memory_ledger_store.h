// A ledger store in memory, for tests and simulation: the port's contract in its plainest form. What a batch does is
// decided where the engines' stores have it decided (core/ledger_decision.h). Nothing is durable.
//
// Threads: any, by one mutex.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/ledger_decision.h"
#include "ports/ledger_store.h"

namespace hongbao {

class MemoryLedgerStore final : public LedgerStore {
 public:
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
  Result<LedgerTotals> totals(const std::vector<ShardId>& shards) override;

 private:
  struct Payment {
    std::optional<SendKey> send_key;
    PendingPayment payment;
    bool settled = false;
  };

  [[nodiscard]] LedgerState read(const LedgerReads& reads) const;
  void read_payments(const LedgerReads& reads, LedgerState& state) const;
  [[nodiscard]] std::vector<AccountId> unable(const LedgerDecision& decision) const;
  [[nodiscard]] bool breaks_a_key(const LedgerDecision& decision) const;
  void write(const LedgerDecision& decision);
  void write_payments(const LedgerDecision& decision);
  void write_deferred(const LedgerDecision& decision);
  [[nodiscard]] Account read(const AccountId& id) const;
  [[nodiscard]] std::optional<Transfer> find(std::string_view id) const;
  [[nodiscard]] VoucherNo read_cursor(ShardId shard) const;
  [[nodiscard]] LedgerTotals::Shard shard_totals(ShardId shard) const;

  std::mutex mutex_;
  std::map<AccountId, Account> accounts_;
  std::vector<Transfer> transfers_;  // number n is at n−1
  std::map<std::string, size_t, std::less<>> transfer_by_id_;
  std::map<PacketKey, Payment> payments_;
  std::map<SendKey, PacketKey> sends_;  // that were paid
  std::map<ShardId, VoucherNo> cursors_;
  std::map<Day, Money> counted_;                                   // of deposits
  std::map<std::string, DeferredTransfer, std::less<>> deferred_;  // by transfer id
};

}  // namespace hongbao
