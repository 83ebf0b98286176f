#include "apps/server/local_engines.h"

#include "adapters/memory/log_voucher_stream.h"
#include "adapters/memory/memory_cache.h"
#include "adapters/memory/memory_control.h"
#include "adapters/sqlite/greeting_store.h"
#include "apps/data_stores.h"
#include "apps/data_trace.h"
#include "apps/put.h"
#include "service/store_check.h"

namespace hongbao {

Result<LocalEngines> open_local_engines(const Settings& settings, const KeyRing& keys, const Clock& clock) {
  if (auto known = check_trace(settings.config_file, settings.data_dir, settings.is_new_data_wanted); !known) {
    return std::unexpected(known.error());
  }
  auto dir = sqlite::DataDir::lock(settings.data_dir);
  if (!dir) {
    return std::unexpected(dir.error());
  }
  auto stores = open_data(*dir, settings.shard_ids(), settings.master_key_ids());
  if (!stores) {
    return std::unexpected(stores.error());
  }
  LocalEngines local{.dir = std::move(*dir), .engines = {}};
  Engines& engines = local.engines;
  engines.orders = std::move(stores->orders);
  engines.seal_orders({keys, kSeedSeal});
  engines.ledgers.emplace(LedgerId{settings.region, 0}, std::move(stores->ledger));
  engines.inbox = std::move(stores->inbox);
  auto done = check_stores(engines.order_stores(), engines.ledger_stores(), *engines.inbox);
  if (done) {
    done = put(engines.greetings, sqlite::GreetingStore::open(settings.data_dir + "/greetings.db", clock));
  }
  if (!done) {
    return std::unexpected(done.error());
  }
  local.dir.close_to_others();
  leave_trace(settings.config_file, settings.data_dir, stores->deployment);
  engines.cache = std::make_unique<MemoryCache>(clock, settings.cache_bytes_max,
                                                settings.sends_per_user_max * PreOrders::kEntriesPerSend);
  engines.stream = std::make_unique<LogVoucherStream>(engines.order_stores());
  engines.control = std::make_unique<MemoryControl>(TrafficWeights{{settings.region, kWeightMax}});
  return local;
}

}  // namespace hongbao
