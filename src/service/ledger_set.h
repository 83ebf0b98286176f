// The ledgers of this region, each with its store and this process's one writer of it, and which of them has what.
// Built by one thread, and then the same for all; any thread.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "core/asker.h"
#include "service/ledger_committer.h"

namespace hongbao {

// Where a wallet is: whose it is, and in which region.
struct WalletOwner {
  UserId user;
  Region home = Region::kSouth;
};

struct Ledger {
  Ledger(LedgerStore& of, const Clock& clock, const LedgerCommitterOptions& options, prometheus::Registry& registry)
      : store(of), writer(of, clock, options, registry) {}

  [[nodiscard]] LedgerId id() const { return writer.place().self; }

  LedgerStore& store;
  LedgerCommitter writer;
};

class LedgerSet {
 public:
  using Stores = std::map<LedgerId, LedgerStore*>;

  // `stores`: of all ledgers of one region, which outlive it. `all`: of the deployment. REQUIRES: the region is in it.
  LedgerSet(const Stores& stores, const Ledgers& all, const Clock& clock, const LedgerCommitterOptions& options,
            prometheus::Registry& registry);

  // The writers'.
  void start();
  void stop();

  [[nodiscard]] const std::vector<std::unique_ptr<Ledger>>& all() const { return ledgers_; }
  // Null: another region has it.
  [[nodiscard]] Ledger* find(LedgerId id) const;
  // With the escrow. REQUIRES: a shard of this region.
  [[nodiscard]] Ledger& of(ShardId shard) const { return *find(everywhere_.of(shard)); }
  // With the wallet. kUnavailable: another region has it.
  [[nodiscard]] Result<Ledger*> of(const WalletOwner& owner) const;

 private:
  const Ledgers everywhere_;
  std::vector<std::unique_ptr<Ledger>> ledgers_;  // by id
};

}  // namespace hongbao
