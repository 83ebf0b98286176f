// What one ledger batch does, decided in memory: what is posted, refused, deferred and moved. Every ledger store reads
// what the decision rests on, asks it, and writes what it says. A batch's parts are decided in the order of its fields,
// each against what the parts before it left.
//
// An account that settlements only credit is not read before: it is nearly always free to receive, so the store adds to
// it and finds out then (LedgerSteps). Everything else that decides is read.
//
// Pure; any thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/ledger_batch.h"

namespace hongbao {

// What has to be read.
struct LedgerReads {
  std::set<ShardId> cursors;
  std::set<AccountId> accounts;
  std::set<std::string> transfers;  // by id
  std::set<PacketKey> packets;      // their payments
  std::set<SendKey> sends;          // their payments
  std::set<Day> days;               // what was counted for them (DailyLimit)
};
LedgerReads reads_of(const LedgerBatch& batch);

// What was read.
struct LedgerState {
  std::map<ShardId, VoucherNo> cursors;               // without an entry: at the first voucher
  std::unordered_map<std::string, Account> accounts;  // REQUIRES: all of LedgerReads; without a row: an empty one
  std::unordered_map<std::string, Transfer> posted;
  std::map<PacketKey, std::optional<SendKey>> paid;
  std::map<SendKey, PacketKey> sent;
  std::map<Day, Money> counted;  // without an entry: nothing yet
};

// What is to be written.
struct LedgerDecision {
  // What the batch adds to one account.
  struct Move {
    AccountId account;
    Money debits;
    Money credits;
    uint64_t transfers = 0;
  };
  struct NewTransfer {
    Transfer transfer;
    size_t debit = 0;  // the place in `moves`
    size_t credit = 0;
    uint64_t debit_no = 0;  // the transfer is the batch's first, second, … of the debited account
    uint64_t credit_no = 0;
  };

  LedgerResult result;
  // Credited by refused settlements and not read; when there are any, the reason of a refusal is not certain.
  std::vector<AccountId> unread;
  std::vector<Move> moves;  // sorted by account
  std::vector<NewTransfer> transfers;
  std::vector<const Posting*> payments;  // of the batch
  std::set<PacketKey> no_longer_pending;
  std::vector<DeferredTransfer> new_deferred;
  std::vector<DeferredTransfer> still_deferred;
  std::vector<std::string> no_longer_deferred;
  std::map<ShardId, VoucherNo> cursors;  // that moved
  std::map<Day, Money> counted;          // what the days that rose have now
};

LedgerDecision decide(const LedgerBatch& batch, LedgerState state);

// A store's part in a decision.
struct LedgerSteps {
  // Begins a transaction and reads.
  std::function<LedgerState(const LedgerReads&)> read;
  // Adds the moves to the accounts, and returns those that can't take theirs: they are frozen, or full.
  std::function<std::vector<AccountId>(const LedgerDecision&)> move;
  // Ends the transaction; nothing was done.
  std::function<void()> undo;
};

// Of one batch. Without other writers three are enough.
inline constexpr int kDecisionsMax = 8;

// Decides and moves; what met an unread account that can't simply receive is undone and decided again with that account
// read. nullopt: other writers froze more and more accounts; nothing was done.
std::optional<LedgerDecision> decide(const LedgerBatch& batch, const LedgerSteps& steps);

}  // namespace hongbao
