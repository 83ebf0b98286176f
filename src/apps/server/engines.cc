#include "apps/server/engines.h"

#include "base/pointers.h"
#include "service/sealed_orders.h"

namespace hongbao {

void Engines::seal_orders(const Subkeys<Key256>& keys) {
  for (auto& [id, store] : orders) {
    store = std::make_unique<SealedOrders>(std::move(store), keys);
  }
}

std::map<ShardId, OrderStore*> Engines::order_stores() const {
  return pointers_to<OrderStore>(orders);
}

LedgerSet::Stores Engines::ledger_stores() const {
  return pointers_to<LedgerStore>(ledgers);
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
