#include "apps/engines.h"

#include <fmt/format.h>

#include <set>

#include "adapters/mariadb/deployment.h"
#include "adapters/mariadb/inbox_store.h"
#include "adapters/mariadb/ledger_store.h"
#include "adapters/mariadb/membership.h"
#include "adapters/mariadb/order_store.h"
#include "adapters/mariadb/server_check.h"
#include "adapters/memory/log_voucher_stream.h"
#include "adapters/memory/memory_cache.h"
#include "adapters/memory/memory_control.h"
#include "adapters/nats/control.h"
#include "adapters/nats/voucher_stream.h"
#include "adapters/redis/redis_cache.h"
#include "adapters/sqlite/inbox_store.h"
#include "adapters/sqlite/ledger_store.h"
#include "adapters/sqlite/order_store.h"
#include "apps/data_checks.h"
#include "apps/mariadb_layout.h"
#include "base/log.h"
#include "service/pre_orders.h"

namespace hongbao {
namespace {

// Puts what was opened where it belongs, or says why it was not.
template <class Port, class Adapter>
Result<void> put(std::unique_ptr<Port>& place, Result<std::unique_ptr<Adapter>> opened) {
  if (!opened) {
    return std::unexpected(opened.error());
  }
  place = std::move(*opened);
  return {};
}

Result<void> check_data(const Settings& settings, const DataDir& dir, const std::set<ShardId>& ids) {
  if (auto fits = check_shards(settings.data_dir, ids); !fits) {
    return fits;
  }
  return check_master_key(dir, settings.master_key_id());
}

Result<Engines> open_embedded(const Settings& settings, const Clock& clock) {
  auto dir = DataDir::lock(settings.data_dir);
  if (!dir) {
    return std::unexpected(dir.error());
  }
  Engines engines;
  engines.dir.emplace(std::move(*dir));
  const std::vector<ShardId> ids = settings.shard_ids();
  auto done = check_data(settings, *engines.dir, {ids.begin(), ids.end()});
  for (size_t i = 0; done && i < ids.size(); ++i) {
    done = put(engines.orders[ids[i]], SqliteOrderStore::open(order_file(settings.data_dir, ids[i]), ids[i]));
  }
  if (done) {
    done = put(engines.ledger, SqliteLedgerStore::open(settings.data_dir + "/ledger.db"));
  }
  if (done) {
    done = put(engines.inbox, SqliteInboxStore::open(settings.data_dir + "/inbox.db"));
  }
  if (done) {
    done = engines.dir->sync();
  }
  if (!done) {
    return std::unexpected(done.error());
  }
  engines.cache = std::make_unique<MemoryCache>(clock, settings.cache_bytes_max,
                                                settings.sends_per_user_max * PreOrders::kEntriesPerSend);
  engines.stream = std::make_unique<LogVoucherStream>(engines.order_stores());
  engines.control = std::make_unique<MemoryControl>(TrafficWeights{{settings.region, kWeightMax}});
  return engines;
}

Result<void> check_servers(const MariadbLayout& layout) {
  for (const auto& [server, field, connections] : layout.servers()) {
    const auto safe = check_server(server, connections);
    const bool is_away = !safe && safe.error().code == ErrorCode::kStorage;
    if (!safe && !(is_away && field == kColdServerField)) {
      return std::unexpected(Error{safe.error().code, safe.error().detail, std::string(field)});
    }
  }
  return {};
}

// Recent packets need no cold storage, so a server that is away is only told of: what is wrong there is looked for
// again before a day moves.
Result<void> check_cold_storage(const MariadbLayout& layout) {
  for (const auto& [server, shards] : layout.order_servers()) {
    for (const ShardId shard : shards) {
      const MariadbServer cold = layout.cold(server);
      const auto ready = require_schema(cold, cold_database(shard));
      if (!ready && ready.error().code == ErrorCode::kStorage) {
        log_warn("cold_storage_unavailable", {{"server", cold.address()}, {"error", ready.error().detail}});
        break;
      }
      if (!ready) {
        return ready;
      }
    }
  }
  return {};
}

Result<void> open_databases(const Settings& settings, Engines& engines) {
  const MariadbLayout layout(settings);
  Result<void> done = check_servers(layout);
  done = done ? check_cold_storage(layout) : done;
  if (!done) {
    return done;
  }
  for (const auto& [server, shards] : layout.order_servers()) {
    Engines::Members members{.membership = nullptr, .shards = shards};
    done = put(members.membership, MariadbMembership::open(server, members_database()));
    done = done ? require_master_key(server, members_database(), settings.master_key_id()) : done;
    for (size_t i = 0; done && i < shards.size(); ++i) {
      const MariadbOrderStore::Place hot{server, orders_database(shards[i])};
      const MariadbOrderStore::Place cold{layout.cold(server), cold_database(shards[i])};
      done = put(engines.orders[shards[i]], MariadbOrderStore::open(hot, cold, shards[i]));
    }
    if (!done) {
      return done;
    }
    engines.members.push_back(std::move(members));
  }
  done = put(engines.ledger, MariadbLedgerStore::open(layout.ledger(), ledger_database()));
  return done ? put(engines.inbox, MariadbInboxStore::open(layout.inbox(), inbox_database())) : done;
}

Result<Engines> open_distributed(const Settings& settings, const Clock& clock, prometheus::Registry& registry) {
  Engines engines;
  auto done = open_databases(settings, engines);
  if (done) {
    RedisOptions redis{.password = settings.redis_password};
    redis.host = settings.redis.host;
    redis.port = settings.redis.port;
    redis.answer_timeout = settings.redis_timeout;
    redis.owner_entries_max = settings.sends_per_user_max * PreOrders::kEntriesPerSend;
    engines.cache = std::make_unique<RedisCache>(redis, registry);
    NatsStreamOptions stream{.url = settings.nats_url, .region = settings.region, .believed_from = clock.now()};
    done = put(engines.stream, NatsVoucherStream::open(stream, registry));
  }
  if (done) {
    done =
        put(engines.control, NatsControl::open({.url = settings.nats_url, .traffic = {{settings.region, kWeightMax}}}));
  }
  return done ? Result<Engines>(std::move(engines)) : std::unexpected(done.error());
}

}  // namespace

std::map<ShardId, OrderStore*> Engines::order_stores() const {
  std::map<ShardId, OrderStore*> stores;
  for (const auto& [id, store] : orders) {
    stores.emplace(id, store.get());
  }
  return stores;
}

Result<Engines> open_engines(const Settings& settings, const Clock& clock, prometheus::Registry& registry) {
  return settings.distributed ? open_distributed(settings, clock, registry) : open_embedded(settings, clock);
}

}  // namespace hongbao
