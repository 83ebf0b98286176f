// The users whose accounts are frozen, as this process knows them: who is frozen draws no share and sends no packet.
// The ledger refuses their payments and credits by itself; this list is for what comes before money moves.
//
// Read from the ledgers again and again, and kept in memory, so that a grab asks no engine: what one process freezes
// the others know within a second or two. While a ledger does not answer, the list stays as it was.
//
// `refresh`: one thread at a time; everything else: any.
#pragma once

#include <atomic>
#include <shared_mutex>
#include <string>
#include <unordered_set>

#include "base/metrics.h"
#include "service/ledger_set.h"

namespace hongbao {

class FrozenAccounts {
 public:
  // At once. Each costs about 100 bytes and a row of every refresh.
  static constexpr size_t kMax = 100'000;

  // `ledgers` outlive it.
  FrozenAccounts(const LedgerSet& ledgers, prometheus::Registry& registry);

  [[nodiscard]] bool contains(const UserId& user) const;
  // kOverloaded: as many are frozen as may be.
  [[nodiscard]] Result<void> has_room() const;

  // Reads the lists. Blocks. Errors: those of the stores; then it stays as it was.
  Result<void> refresh();
  // What this process has just written; it need not wait for the next refresh.
  void set(const UserId& user, bool frozen);

 private:
  using Users = std::unordered_set<UserId>;
  void count();

  const LedgerSet& ledgers_;
  prometheus::Gauge& gauge_;
  mutable std::shared_mutex mutex_;
  Users users_;                   // guarded by mutex_
  uint64_t sets_ = 0;             // guarded by mutex_
  std::atomic<size_t> size_ = 0;  // of users_: as long as nobody is frozen, nobody asks the mutex
};

}  // namespace hongbao
