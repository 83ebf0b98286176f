// Wallets: deposits, balances, transfers, freezing. All calls also call back with kUnavailable when the wallet is in
// another region. Any thread; reads run on the worker pool, and callbacks there or on
// the ledger writer's thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/clock.h"
#include "service/frozen_accounts.h"
#include "service/worker_pool.h"

namespace hongbao {

class Wallets {
 public:
  // `deposits_daily_max`: of a day and ledger, whichever process takes them. All references outlive it.
  Wallets(const LedgerSet& ledgers, FrozenAccounts& frozen, WorkerPool& workers, const Clock& clock,
          Money deposits_daily_max)
      : ledgers_(ledgers), frozen_(frozen), workers_(workers), clock_(clock), deposits_daily_max_(deposits_daily_max) {}

  // Money that an operator pays in; `key` makes it idempotent. Calls back with the transfer's id. Errors:
  // kTransferIdReused, kAccountFrozen, kDepositLimit, and those of LedgerCommitter::post.
  void deposit(const WalletOwner& owner, Money amount, std::string_view key, SteadyTime deadline,
               Done<std::string> done);

  // Calls back with the account as it is then. Here the user is frozen from then on, in other processes within two
  // seconds. Errors: kOverloaded, as many are frozen as may be; after any other the outcome is unknown: freeze again.
  void freeze(const WalletOwner& owner, bool frozen, Done<Account> done);
  // A wallet that never moved reads as zero. Errors of both: those of the store and of WorkerPool::submit;
  // kDeadlineExceeded when the pool came to it too late.
  void account(const WalletOwner& owner, Done<Account> done);
  // Newest first, with position < before.
  void transfers(const WalletOwner& owner, ListPosition before, size_t transfers_max,
                 Done<std::vector<WalletTransfer>> done);

 private:
  const LedgerSet& ledgers_;
  FrozenAccounts& frozen_;
  WorkerPool& workers_;
  const Clock& clock_;
  const Money deposits_daily_max_;
};

}  // namespace hongbao
