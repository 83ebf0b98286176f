#include "apps/server/engines.h"

#include "service/sealed_orders.h"

namespace hongbao {

void Engines::seal_orders(const Subkeys<Key256>& keys) {
  for (auto& [id, store] : orders) {
    store = std::make_unique<SealedOrders>(std::move(store), keys);
  }
}

std::map<ShardId, OrderStore*> Engines::order_stores() const {
  std::map<ShardId, OrderStore*> stores;
  for (const auto& [id, store] : orders) {
    stores.emplace(id, store.get());
  }
  return stores;
}

LedgerSet::Stores Engines::ledger_stores() const {
  LedgerSet::Stores stores;
  for (const auto& [id, store] : ledgers) {
    stores.emplace(id, store.get());
  }
  return stores;
}

Ports Engines::ports() const {
  return {.orders = order_stores(),
          .stream = *stream,
          .ledgers = ledger_stores(),
          .inbox = *inbox,
          .cache = *cache,
          .shared_cache = shared_cache,
          .control = *control,
          .greetings = greetings.get()};
}

}  // namespace hongbao
