// A process's one connection that writes the ledger; other processes have theirs. A batch is one transaction of few
// round trips, however many vouchers it has:
//
// 1. lock the cursors of its shards, then the accounts whose state decides: those of postings and retries, and the
//    escrows; then the days that count deposits; each in the order of their keys;
// 2. read what has the ids of its postings and retries, and what paid their packets;
// 3. decide everything in memory (core/ledger_decision.h);
// 4. add the moves to the accounts, in the order of their ids, making those that are missing. This statement also locks
//    accounts that were not read before, moves each unless it is frozen, and tells which it was. If one was, everything
//    is rolled back and decided again with that account read and locked in step 1;
// 5. write arrays of transfers, payments and deferred transfers, and the cursors; COMMIT.
//
// Nothing is decided on what another transaction may still change. That holds for another process, and for an earlier
// commit of this one whose connection broke and which the server may still execute. A connection has one statement on
// its way at most, so what is left behind either is a COMMIT, and its transaction holds every row it read or wrote; or
// it is not, and the transaction never commits. Whoever then decides about one of its parts waits for these rows: a
// settlement for its shard's cursor, a posting or a retry for its two accounts (of which an inserted one is locked
// too), and for the escrow a second payment of one packet. What is read in step 2 is read behind these locks. Two that
// use one id for other accounts meet at the primary key of `transfer`, and two payments for one send by other accounts
// at the unique key of `payment`: the second gets a duplicate key once the first has committed, and is decided again
// (Writer).
//
// Locks of steps 1 and 4 may cross those of another process: InnoDB then rolls one back, which is decided again
// (Writer).
//
// Threads: the ledger's writer. Errors: MariadbError; then nothing, or everything, took effect.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "adapters/mariadb/list_statement.h"
#include "core/ledger_decision.h"

namespace hongbao::mariadb {

class LedgerWriter {
 public:
  explicit LedgerWriter(Database database);

  LedgerResult commit(const LedgerBatch& batch);
  void set_frozen(const AccountId& account, bool frozen);
  void rollback() { database_.rollback(); }

 private:
  LedgerState lock_and_read(const LedgerReads& reads);
  void lock_cursors(std::set<ShardId> shards, LedgerState& state);
  void lock_accounts(const std::set<AccountId>& accounts, LedgerState& state);
  void lock_days(std::set<Day> days, LedgerState& state);
  void read_posted(const std::set<std::string>& ids, LedgerState& state);
  void read_payments(const LedgerReads& reads, LedgerState& state);

  std::vector<AccountId> move_accounts(const LedgerDecision& decision);
  void write(const LedgerDecision& decision);
  void write_transfers(const LedgerDecision& decision);
  void write_payments(const LedgerDecision& decision);
  void write_deferred(const LedgerDecision& decision);
  void write_cursors(const LedgerDecision& decision);
  void write_days(const LedgerDecision& decision);

  Database database_;
  ListStatement lock_cursors_;
  Statement insert_cursor_;
  Statement update_cursor_;
  ListStatement lock_accounts_;
  ListStatement lock_days_;
  Statement insert_day_;
  Statement update_day_;
  ListStatement move_accounts_;
  Statement upsert_frozen_;
  Statement list_frozen_;
  Statement unlist_frozen_;
  ListStatement select_transfers_;
  Statement insert_transfer_;
  ListStatement select_payments_;
  ListStatement select_sent_;
  Statement insert_payment_;
  ListStatement settle_payments_;
  Statement insert_deferred_;
  Statement update_deferred_;
  ListStatement delete_deferred_;
  std::vector<uint64_t> transfers_;  // of the accounts that the batch in hand moved: how many each has now
};

}  // namespace hongbao::mariadb
