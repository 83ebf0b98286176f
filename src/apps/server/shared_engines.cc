#include "apps/server/shared_engines.h"

#include <fmt/format.h>

#include <tuple>

#include "adapters/mariadb/deployment.h"
#include "adapters/mariadb/inbox_store.h"
#include "adapters/mariadb/ledger_store.h"
#include "adapters/mariadb/membership.h"
#include "adapters/mariadb/order_store.h"
#include "adapters/mariadb/server_check.h"
#include "adapters/nats/control.h"
#include "adapters/nats/voucher_stream.h"
#include "adapters/redis/redis_cache.h"
#include "apps/mariadb_layout.h"
#include "apps/put.h"
#include "base/log.h"
#include "routing/agreement.h"
#include "service/pre_orders.h"
#include "service/sealed_cache.h"
#include "service/store_check.h"

namespace hongbao {
namespace {

// The same, of an adapter that knows whether its server answers.
template <class Port, class Adapter>
Result<void> put(std::unique_ptr<Port>& place, std::function<bool()>& answers,
                 Result<std::unique_ptr<Adapter>> opened) {
  if (opened) {
    answers = [adapter = opened->get()] { return adapter->is_available(); };
  }
  return put(place, std::move(opened));
}

Result<void> check_servers(const MariadbLayout& layout) {
  for (const auto& [server, field, connections] : layout.servers()) {
    const auto safe = mariadb::check_server(server, connections);
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
      const mariadb::Server cold = layout.cold(server);
      const auto ready = mariadb::require_schema(cold, mariadb::cold_database(shard));
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

// What nodes must have in common, whichever order server they meet at.
Result<Facts> common_facts(const Settings& settings, const MariadbLayout& layout) {
  Facts facts{{"region.name", std::string(region_name(settings.region))},
              {"shards.count", fmt::format("{}", settings.shard_count)},
              {"node.lease_ms", fmt::format("{}", settings.placement.lease.count())}};
  for (const auto& [key, server, database] : {std::tuple("mariadb.ledger", layout.ledger(), mariadb::ledger_database()),
                                              std::tuple("mariadb.inbox", layout.inbox(), mariadb::inbox_database())}) {
    const auto birth = mariadb::birth_of(server, database);
    if (!birth) {
      return std::unexpected(birth.error());
    }
    facts.emplace_back(key, fmt::format("the database made at {}", *birth));
  }
  return facts;
}

// Shards are dealt over the order servers by their places.
std::string facts_at(size_t place, const Settings& settings, Facts facts) {
  facts.emplace_back("mariadb.orders",
                     fmt::format("a list of {} with this server as number {}", settings.mariadb_orders.size(), place));
  return print(facts);
}

// At the first beat it is looked at again; here it comes before what is merely missing at this node.
Result<void> require_agreement(const Settings& settings, SharedEngines::Members& members) {
  const auto others = members.membership->members();
  return others ? require_agreement({settings.node_name, settings.node_address, members.facts}, *others)
                : std::unexpected(others.error());
}

Result<void> open_databases(const Settings& settings, const KeyRing& keys, SharedEngines& shared) {
  Engines& engines = shared.engines;
  const MariadbLayout layout(settings);
  Result<void> done = check_servers(layout);
  if (!done) {
    return done;
  }
  done = put(engines.ledgers[{settings.region, 0}],
             mariadb::LedgerStore::open(layout.ledger(), mariadb::ledger_database()));
  done = done ? put(engines.inbox, mariadb::InboxStore::open(layout.inbox(), mariadb::inbox_database())) : done;
  const auto facts = done ? common_facts(settings, layout) : std::unexpected(done.error());
  if (!facts) {
    return std::unexpected(facts.error());
  }
  for (const auto& [server, shards] : layout.order_servers()) {
    SharedEngines::Members members{.membership = nullptr,
                                   .watched = nullptr,
                                   .shards = shards,
                                   .facts = facts_at(shared.members.size() + 1, settings, *facts)};
    done = put(members.membership, mariadb::Membership::open(server, mariadb::members_database()));
    done = done ? put(members.watched, mariadb::Membership::open(server, mariadb::members_database())) : done;
    done = done ? require_agreement(settings, members) : done;
    done = done ? mariadb::require_every_shard(server, settings.shard_ids(), layout.shards_at(server)) : done;
    done = done ? mariadb::require_master_keys(server, mariadb::members_database(), settings.master_key_ids()) : done;
    for (size_t i = 0; done && i < shards.size(); ++i) {
      const mariadb::OrderStore::Place hot{server, mariadb::orders_database(shards[i])};
      const mariadb::OrderStore::Place cold{layout.cold(server), mariadb::cold_database(shards[i])};
      done = put(engines.orders[shards[i]], mariadb::OrderStore::open(hot, cold, shards[i]));
    }
    if (!done) {
      return done;
    }
    shared.members.push_back(std::move(members));
  }
  engines.seal_orders({keys, kSeedSeal});
  done = check_stores(engines.order_stores(), engines.ledger_stores(), *engines.inbox);
  return done ? check_cold_storage(layout) : done;
}

// After databases were put back, the stream may hold vouchers of the future that was rolled back, and followers would
// take them for those that get their numbers now. Its end is read before the log's.
Result<void> check_stream(const std::map<ShardId, OrderStore*>& orders, NatsVoucherStream& stream) {
  for (const auto& [shard, store] : orders) {
    const auto end = stream.end(shard);
    if (!end) {
      log_warn("voucher_stream_not_checked", {{"error", end.error().detail}});
      return {};
    }
    const auto head = store->head();
    if (!head) {
      return std::unexpected(head.error());
    }
    if (*end > head->next_voucher) {
      return fail(ErrorCode::kConfig,
                  fmt::format("holds vouchers of shard {} up to {}, and its log ends before {}: the databases were put "
                              "back to an earlier moment; empty Redis and delete the stream first (docs/OPERATIONS.md)",
                              to_text(shard), end->value - 1, head->next_voucher.value),
                  "nats.url");
    }
  }
  return {};
}

nats::Server nats_server(const Settings& settings) {
  return {.url = settings.nats_url,
          .user = settings.nats_user,
          .password = settings.nats_password,
          .credentials_file = settings.nats_credentials_file,
          .tls = settings.nats_tls};
}

}  // namespace

Result<SharedEngines> open_shared_engines(const Settings& settings, const KeyRing& keys,
                                          prometheus::Registry& registry) {
  SharedEngines shared;
  Engines& engines = shared.engines;
  auto done = open_databases(settings, keys, shared);
  if (done) {
    const RedisOptions redis{.server = {.host = settings.redis.host,
                                        .port = settings.redis.port,
                                        .user = settings.redis_user,
                                        .password = settings.redis_password,
                                        .tls = settings.redis_tls},
                             .answer_timeout = settings.redis_timeout,
                             .owner_entries_max = settings.sends_per_user_max * PreOrders::kEntriesPerSend};
    engines.cache = std::make_unique<SealedCache>(std::make_unique<RedisCache>(redis, registry),
                                                  Subkeys<Key128>(keys, kCacheMac), registry);
    engines.shared_cache = engines.cache.get();
    NatsStreamOptions stream{.server = nats_server(settings),
                             .region = settings.region,
                             .keys = {keys, kVoucherMac},
                             .age_max = settings.nats_stream_age_max,
                             .bytes_max = settings.nats_stream_mib_max << 20,
                             .replicas = settings.nats_replicas};
    auto opened = NatsVoucherStream::open(stream, registry);
    done = opened ? check_stream(engines.order_stores(), **opened) : std::unexpected(opened.error());
    done = done ? put(engines.stream, shared.stream_answers, std::move(opened)) : done;
  }
  if (done) {
    done = put(engines.control, shared.control_answers,
               NatsControl::open({.server = nats_server(settings),
                                  .replicas = static_cast<int>(settings.nats_replicas),
                                  .traffic = {{settings.region, kWeightMax}},
                                  .keys = {keys, kControlMac}}));
  }
  return done ? Result<SharedEngines>(std::move(shared)) : std::unexpected(done.error());
}

}  // namespace hongbao
