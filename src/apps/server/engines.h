// The engines of one process, behind their ports. Which they are, and what else is known of them: local_engines.h and
// shared_engines.h. The owner's thread.
#pragma once

#include <map>
#include <memory>

#include "core/key_ring.h"
#include "service/use_cases.h"

namespace hongbao {

struct Engines {
  std::map<ShardId, std::unique_ptr<OrderStore>> orders;
  std::map<LedgerId, std::unique_ptr<LedgerStore>> ledgers;
  std::unique_ptr<InboxStore> inbox;
  std::unique_ptr<Cache> cache;
  Cache* shared_cache = nullptr;             // `cache`, when other processes have it as well
  std::unique_ptr<GreetingStore> greetings;  // null: the cache outlives the process
  std::unique_ptr<VoucherStream> stream;
  std::unique_ptr<Control> control;

  // From now on seeds lie sealed in them. REQUIRES: the stores are there.
  void seal_orders(const Subkeys<Key256>& keys);

  [[nodiscard]] std::map<ShardId, OrderStore*> order_stores() const;
  [[nodiscard]] LedgerSet::Stores ledger_stores() const;
  // REQUIRES: all are there; and they outlive it.
  [[nodiscard]] Ports ports() const;
};

}  // namespace hongbao
