// One read-only connection to the ledger with its queries.
//
// Threads: one at a time (ReaderPool). Errors: SqliteError.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "adapters/sqlite/database.h"
#include "ports/ledger_store.h"

namespace hongbao {

class SqliteLedgerReader {
 public:
  explicit SqliteLedgerReader(Database database);

  Account account(const AccountId& id);
  std::optional<Transfer> transfer(std::string_view id);
  std::vector<WalletTransfer> transfers(const AccountId& account, ListPosition before, size_t transfers_max);
  VoucherNo cursor(ShardId shard);
  std::vector<PacketKey> unpaid(const std::vector<PacketKey>& packets);
  std::vector<PendingPayment> pending(ShardId shard, Timestamp until, size_t payments_max);
  std::vector<DeferredTransfer> deferred(ShardId shard, Timestamp now, size_t transfers_max);
  LedgerTotals totals(const std::vector<ShardId>& shards);

 private:
  void add_accounts(LedgerTotals& totals);
  void add_transfers(LedgerTotals& totals);
  LedgerTotals::Shard shard_totals(ShardId shard);

  Database database_;
  Statement account_;
  Statement transfer_;
  Statement wallet_transfers_;
  Statement other_transfers_;
  Statement cursor_;
  Statement payment_;
  Statement pending_;
  Statement deferred_;
};

}  // namespace hongbao
