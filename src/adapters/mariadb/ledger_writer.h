// A process's one connection that writes the ledger; other processes have theirs. A batch is one transaction: it locks
// the cursors and the accounts that it touches, in the order of their keys, judges every transfer in memory against
// what it locked, and writes arrays of rows.
//
// Nothing is decided on what another transaction may still change: whoever would move one of these accounts or cursors
// waits for their rows, and that holds for an earlier commit of this process too, whose connection broke and which the
// server still executes. Two that post one transfer's id touch the same accounts, or else the unique id stops the
// second, which is judged anew; as is a second payment of one packet.
//
// Threads: the ledger's writer. Errors: MariadbError; then nothing, or everything, took effect.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "adapters/mariadb/lookup.h"
#include "ports/ledger_store.h"

namespace hongbao::mariadb {

class LedgerWriter {
 public:
  explicit LedgerWriter(Database database);

  LedgerResult commit(const LedgerBatch& batch);
  void set_frozen(const AccountId& account, bool frozen);
  void rollback() { database_.rollback(); }

 private:
  struct LoadedAccount {
    Account account;
    bool made = false;  // by this batch, to have a row to lock
    bool moved = false;
  };
  // What is locked and read, and what is to be written.
  struct Batch {
    std::map<std::string, LoadedAccount, std::less<>> accounts;  // sorted: locked and written in this order
    std::map<ShardId, VoucherNo> cursors;
    std::unordered_map<std::string, Transfer> posted;  // of the ids that postings and retries name
    std::map<PacketKey, std::string> paid_by;          // transfer ids, of the packets that postings pay for
    std::vector<Transfer> new_transfers;
    std::vector<const Posting*> new_payments;
    std::vector<PacketKey> no_longer_pending;
    std::vector<DeferredTransfer> new_deferred;
    std::vector<DeferredTransfer> still_deferred;
    std::vector<std::string> no_longer_deferred;
  };

  void lock_cursors(const LedgerBatch& batch);
  void lock_accounts(const LedgerBatch& batch);
  void read_accounts(const std::vector<std::string_view>& ids, std::set<std::string_view>& missing);
  void read_posted(const LedgerBatch& batch);
  void read_payments(const LedgerBatch& batch);

  PostOutcome post(const Posting& posting);
  bool settle(const Settlement& settlement, Timestamp next_at);
  void settle(const Voucher& voucher, Timestamp next_at);
  bool retry(const DeferredTransfer& deferred);
  [[nodiscard]] bool is_next(const Settlement& settlement) const;
  TransferVerdict judge_and_post(const Transfer& transfer, const std::optional<Transfer>& posted);
  [[nodiscard]] std::optional<Transfer> find_posted(const std::string& id) const;

  void write();
  void write_accounts();
  void write_payments();
  void write_deferred();

  Database database_;
  Lookup select_accounts_;
  Statement insert_account_;
  Statement update_account_;
  Statement delete_account_;
  Statement upsert_frozen_;
  Lookup select_transfers_;
  Statement insert_transfer_;
  Statement select_payment_;
  Statement insert_payment_;
  Statement settle_payment_;
  Statement insert_cursor_;
  Statement select_cursor_;
  Statement update_cursor_;
  Statement insert_deferred_;
  Statement update_deferred_;
  Statement delete_deferred_;
  Batch now_;
};

}  // namespace hongbao::mariadb
