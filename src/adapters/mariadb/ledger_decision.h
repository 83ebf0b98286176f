// What one ledger batch does, decided in memory: its parts in the order of the port, every transfer judged against the
// running state of the accounts. Takes what the writer has read and locked, and gives what is to be written.
//
// Threads: that of the ledger writer. No I/O.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "ports/ledger_store.h"

namespace hongbao::mariadb {

// What a decision rests on. An account that is not here has no row yet, or is one that settlements only credit: it
// reads as empty and not frozen, and the writer finds out otherwise when it writes (ledger_writer.h).
struct LedgerState {
  std::map<ShardId, VoucherNo> cursors;
  std::unordered_map<std::string, Account> accounts;
  std::unordered_map<std::string, Transfer> posted;  // of the ids that postings and retries name
  // The payments of the packets that postings pay for, and of their sends.
  std::map<PacketKey, std::optional<SendKey>> paid;
  std::map<SendKey, PacketKey> sent;
};

class LedgerDecision {
 public:
  // What the batch adds to one account. `transfers` is how many it has afterwards: the database knows, not the
  // decision.
  struct Move {
    Account account;  // the running state
    Money debits;
    Money credits;
    uint64_t count = 0;
    uint64_t transfers = 0;
  };
  // `debit_no`: the transfer is the batch's first, second, … of the debited account.
  struct NewTransfer {
    Transfer transfer;
    Move* debit = nullptr;
    Move* credit = nullptr;
    uint64_t debit_no = 0;
    uint64_t credit_no = 0;
  };

  LedgerDecision(const LedgerBatch& batch, LedgerState state);
  LedgerDecision(const LedgerDecision&) = delete;
  LedgerDecision& operator=(const LedgerDecision&) = delete;

  LedgerResult result;
  std::vector<Move*> moves;  // of the accounts that change, sorted by id
  std::vector<NewTransfer> transfers;
  std::vector<const Posting*> payments;
  std::set<PacketKey> no_longer_pending;
  std::vector<DeferredTransfer> new_deferred;
  std::vector<DeferredTransfer> still_deferred;
  std::vector<std::string> no_longer_deferred;
  std::map<ShardId, VoucherNo> cursors;  // that moved

 private:
  Posted post(const Posting& posting);
  [[nodiscard]] PaidBefore paid_before(const Posting& posting) const;
  bool settle(const Settlement& settlement, Timestamp next_at);
  void settle(const Voucher& voucher, Timestamp next_at);
  bool retry(const DeferredTransfer& deferred);
  TransferVerdict judge_and_post(const Transfer& transfer, const std::optional<Transfer>& posted);
  [[nodiscard]] std::optional<Transfer> find_posted(const std::string& id) const;
  Move& at(const AccountId& account);
  void collect_moves();

  LedgerState state_;
  std::unordered_map<std::string, Move> accounts_;
};

// The accounts whose state decides: all but those that settlements only credit.
std::set<std::string> deciding_accounts(const LedgerBatch& batch);

}  // namespace hongbao::mariadb
