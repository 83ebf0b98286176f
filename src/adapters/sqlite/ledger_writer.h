// The one connection that writes the ledger. A batch is one transaction: each account it touches is loaded once, every
// transfer is judged against the running state in memory, and the accounts are written once at the end.
//
// Threads: the ledger's writer. Errors: SqliteError; then nothing, or everything, took effect.
#pragma once

#include <string>
#include <unordered_map>

#include "adapters/sqlite/database.h"
#include "ports/ledger_store.h"

namespace hongbao {

class SqliteLedgerWriter {
 public:
  explicit SqliteLedgerWriter(Database database);

  LedgerResult commit(const LedgerBatch& batch);
  void set_frozen(const AccountId& account, bool frozen);

 private:
  struct LoadedAccount {
    Account account;
    bool moved = false;
  };

  void apply(const LedgerBatch& batch, LedgerResult& result);
  Posted post(const Posting& posting);
  PaidBefore paid_before(const Posting& posting);
  bool settle(const Settlement& settlement, Timestamp next_at);
  void settle(const Voucher& voucher, Timestamp next_at);
  void end_pending(const PacketKey& packet);
  void defer(const Transfer& transfer, TransferVerdict reason, Timestamp next_at);
  bool retry(const DeferredTransfer& deferred);

  // Judges, and when posted moves the accounts and writes the transfer.
  TransferVerdict judge_and_post(const Transfer& transfer, const std::optional<Transfer>& posted);
  LoadedAccount& load(const AccountId& account);
  std::optional<Transfer> find(const std::string& id);
  VoucherNo cursor(ShardId shard);
  void insert(const Transfer& transfer);
  void write_accounts();

  Database database_;
  Statement select_account_;
  Statement upsert_account_;
  Statement upsert_frozen_;
  Statement select_transfer_;
  Statement insert_transfer_;
  Statement select_payment_;
  Statement select_sent_;
  Statement insert_payment_;
  Statement settle_payment_;
  Statement select_cursor_;
  Statement upsert_cursor_;
  Statement insert_deferred_;
  Statement update_deferred_;
  Statement delete_deferred_;
  std::unordered_map<std::string, LoadedAccount> accounts_;  // of the batch in hand
};

}  // namespace hongbao
