// The one connection that writes the ledger. A batch is one transaction: what decides is read, everything is decided in
// memory (core/ledger_decision.h), each account that moves is written once, and one that settlements only credit is not
// read at all.
//
// Threads: the ledger's writer. Errors: SqliteError; then nothing, or everything, took effect.
#pragma once

#include "adapters/sqlite/database.h"
#include "core/ledger_decision.h"

namespace hongbao::sqlite {

class LedgerWriter {
 public:
  explicit LedgerWriter(Database database);

  LedgerResult commit(const LedgerBatch& batch);
  void set_frozen(const AccountId& account, bool frozen);

 private:
  LedgerState read(const LedgerReads& reads);
  void read_payments(const LedgerReads& reads, LedgerState& state);
  std::vector<AccountId> move_accounts(const LedgerDecision& decision);
  void write(const LedgerDecision& decision);
  void write_payments(const LedgerDecision& decision);
  void write_deferred(const LedgerDecision& decision);

  Database database_;
  Statement select_account_;
  Statement move_account_;
  Statement upsert_frozen_;
  Statement select_transfer_;
  Statement insert_transfer_;
  Statement select_payment_;
  Statement select_sent_;
  Statement insert_payment_;
  Statement settle_payment_;
  Statement select_cursor_;
  Statement upsert_cursor_;
  Statement select_day_;
  Statement upsert_day_;
  Statement insert_deferred_;
  Statement update_deferred_;
  Statement delete_deferred_;
};

}  // namespace hongbao::sqlite
