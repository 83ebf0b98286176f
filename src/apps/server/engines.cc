#include "apps/server/engines.h"

namespace hongbao {

std::map<ShardId, OrderStore*> Engines::order_stores() const {
  std::map<ShardId, OrderStore*> stores;
  for (const auto& [id, store] : orders) {
    stores.emplace(id, store.get());
  }
  return stores;
}

Ports Engines::ports() const {
  return {.orders = order_stores(),
          .stream = *stream,
          .ledger = *ledger,
          .inbox = *inbox,
          .cache = *cache,
          .shared_cache = shared_cache,
          .control = *control,
          .greetings = greetings.get()};
}

}  // namespace hongbao
