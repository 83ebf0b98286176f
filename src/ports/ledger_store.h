// The ledger store: accounts, transfers, payments, the settlement cursors, and transfers that were refused and wait for
// another try. One database for all shards of a deployment.
//
// Threads: `commit` and `set_frozen` are called by a process's one ledger writer (service/ledger_committer.h), and
// several processes may write at once; every other function from any thread. `commit` may be repeated after an error:
// every part of it is idempotent by a natural key. What an earlier try left on its way has landed, or never will,
// before a later commit is decided.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/ledger_batch.h"
#include "core/list_position.h"

namespace hongbao {

// A payment whose packet was not yet seen active by settlement.
struct PendingPayment {
  PacketKey packet;
  std::string transfer_id;
  Money amount;
  std::string pay_token;
  Timestamp at;
};

// One consistent reading, for the audit.
struct LedgerTotals {
  uint64_t accounts = 0;
  uint64_t transfers = 0;
  Money sum_over_accounts;   // credits − debits; must be 0
  Money sum_over_transfers;  // amounts of all transfers; must equal the debits and the credits of all accounts
  Money debits_posted;
  Money credits_posted;
  uint64_t accounts_negative = 0;  // that must not be; must be 0
  struct Shard {
    ShardId shard;
    VoucherNo cursor;  // the next voucher to settle
    Money escrow;      // the balance of escrow:<shard>
    Money pending;     // payments whose `paid` voucher is not settled yet
    uint64_t pending_count = 0;
    Money deferred;  // settled vouchers whose transfer was refused and waits
    uint64_t deferred_count = 0;
  };
  std::vector<Shard> shards;       // one for each shard asked for
  std::map<LedgerId, Money> dues;  // balances of the accounts of other ledgers
};

struct WalletTransfer {
  uint64_t no = 0;  // rises with every transfer of the account that is posted
  Transfer transfer;

  [[nodiscard]] ListPosition position() const { return {transfer.at, no}; }
};

class LedgerStore {
 public:
  virtual ~LedgerStore() = default;

  // kInternal: a part contradicts what is stored, which is damaged then; nothing was written.
  virtual Result<LedgerResult> commit(const LedgerBatch& batch) = 0;

  // Freezes or unfreezes an account, which is made if it does not exist.
  virtual Result<void> set_frozen(const AccountId& account, bool frozen) = 0;

  // The users whose accounts are frozen, by id; not more than `users_max`.
  virtual Result<std::vector<UserId>> frozen(size_t users_max) = 0;

  // An account that never moved reads as zero.
  virtual Result<Account> account(const AccountId& account) = 0;
  virtual Result<std::optional<Transfer>> transfer(std::string_view id) = 0;
  // By position, newest first, with position < before: by when they were caused, not when they were posted.
  virtual Result<std::vector<WalletTransfer>> transfers(const AccountId& account, ListPosition before,
                                                        size_t transfers_max) = 0;

  virtual Result<VoucherNo> cursor(ShardId shard) = 0;
  // Those of `packets` that no payment paid for. What is paid stays paid: payments are never removed.
  virtual Result<std::vector<PacketKey>> unpaid(const std::vector<PacketKey>& packets) = 0;
  // Pending payments of the shard's packets made at or before `until`, oldest first.
  virtual Result<std::vector<PendingPayment>> pending(ShardId shard, Timestamp until, size_t payments_max) = 0;
  // Deferred transfers of the shard's vouchers with next_at ≤ now, oldest first.
  virtual Result<std::vector<DeferredTransfer>> deferred(ShardId shard, Timestamp now, size_t transfers_max) = 0;

  virtual Result<LedgerTotals> totals(const std::vector<ShardId>& shards) = 0;
};

}  // namespace hongbao
