#include "apps/server/engine_watch.h"

#include <fmt/format.h>

#include "adapters/mariadb/server_probe.h"
#include "apps/mariadb_layout.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

using Found = RegionWatch::Found;

constexpr std::chrono::seconds kCacheTimeout{1};

Result<void> read_tenures(const Engines& engines, const std::vector<ShardId>& shards, Found& found) {
  for (const ShardId shard : shards) {
    auto tenure = engines.orders.at(shard)->tenure();
    if (!tenure) {
      return std::unexpected(tenure.error());
    }
    found.tenures.emplace(shard, std::move(*tenure));
  }
  return {};
}

template <class Store>
Result<void> read_cursors(Store& store, const std::vector<ShardId>& shards, std::map<ShardId, VoucherNo>& cursors) {
  for (const ShardId shard : shards) {
    const auto cursor = store.cursor(shard);
    if (!cursor) {
      return std::unexpected(cursor.error());
    }
    cursors.emplace(shard, *cursor);
  }
  return {};
}

Result<Found> found_or(Result<void> done, Found found) {
  return done ? Result<Found>(std::move(found)) : std::unexpected(done.error());
}

RegionWatch::Look look_at_files(const Engines& engines, std::vector<ShardId> shards) {
  return [&engines, shards = std::move(shards)] {
    Found found;
    auto done = read_tenures(engines, shards, found);
    done = done ? read_cursors(*engines.ledgers.begin()->second, shards, found.settled_to) : done;
    done = done ? read_cursors(*engines.inbox, shards, found.inbox_to) : done;
    return found_or(std::move(done), std::move(found));
  };
}

// The members first: that gives a frozen server up after a second, and stores would wait for longer.
RegionWatch::Look look_at_orders(const Engines& engines, const SharedEngines::Members& members) {
  return [&engines, &members]() -> Result<Found> {
    Found found;
    auto known = members.watched->known(RegionWatch::kMemberMemory);
    if (!known) {
      return std::unexpected(known.error());
    }
    found.members = std::move(*known);
    auto done = read_tenures(engines, members.shards, found);
    return found_or(std::move(done), std::move(found));
  };
}

// `cursors`: where what was found goes.
template <class Store>
RegionWatch::Look look_at_cursors(const mariadb::Server& server, Store& store, std::vector<ShardId> shards,
                                  std::map<ShardId, VoucherNo> Found::* cursors) {
  return [probe = std::make_shared<mariadb::ServerProbe>(server), &store, shards = std::move(shards), cursors] {
    Found found;
    auto done = probe->ask();
    done = done ? read_cursors(store, shards, found.*cursors) : done;
    return found_or(std::move(done), std::move(found));
  };
}

RegionWatch::Look look_at_cold_days(const mariadb::Server& server) {
  return [probe = std::make_shared<mariadb::ServerProbe>(server)] { return found_or(probe->ask(), {}); };
}

RegionWatch::Look look_at_cache(Cache& cache) {
  return [&cache]() -> Result<Found> {
    auto answer = ask<std::optional<std::string>>([&](auto done) { cache.get("watch", std::move(done)); });
    if (answer.wait_for(kCacheTimeout) != std::future_status::ready) {
      return fail(ErrorCode::kUnavailable, fmt::format("no answer within {} s", kCacheTimeout.count()));
    }
    const auto got = answer.get();
    return got ? Result<Found>(Found()) : std::unexpected(got.error());
  };
}

RegionWatch::Look look_at_nats(std::function<bool()> answers) {
  return [answers = std::move(answers)]() -> Result<Found> {
    return answers() ? Result<Found>(Found())
                     : fail(ErrorCode::kUnavailable, "it is not connected, or has no JetStream");
  };
}

// Without the user and password that it may have.
std::string address_of(const std::string& url) {
  const size_t host = url.find_last_of("/@");
  return host == std::string::npos ? url : url.substr(host + 1);
}

}  // namespace

void watch_local_engines(const Settings& settings, const Engines& engines, RegionWatch& watch) {
  watch.add({"sqlite", "data", settings.data_dir}, look_at_files(engines, settings.shard_ids()));
}

void watch_shared_engines(const Settings& settings, const SharedEngines& shared, RegionWatch& watch) {
  const Engines& engines = shared.engines;
  const std::vector<ShardId> all = settings.shard_ids();
  const MariadbLayout layout(settings);
  for (size_t i = 0; i < shared.members.size(); ++i) {
    const mariadb::Server server = layout.order_servers().at(i).server;
    watch.add({"mariadb", "orders", server.address()}, look_at_orders(engines, shared.members[i]));
  }
  watch.add({"mariadb", "ledger", layout.ledger().address()},
            look_at_cursors(layout.ledger(), *engines.ledgers.begin()->second, all, &Found::settled_to));
  watch.add({"mariadb", "inbox", layout.inbox().address()},
            look_at_cursors(layout.inbox(), *engines.inbox, all, &Found::inbox_to));
  if (settings.mariadb_cold) {
    const mariadb::Server cold = layout.cold({});
    watch.add({"mariadb", "cold days", cold.address()}, look_at_cold_days(cold));
  }
  watch.add({"redis", "cache", fmt::format("{}:{}", settings.redis.host, settings.redis.port)},
            look_at_cache(*engines.cache));
  watch.add({"nats", "voucher stream", address_of(settings.nats_url)}, look_at_nats(shared.stream_answers));
  watch.add({"nats", "control", address_of(settings.nats_url)}, look_at_nats(shared.control_answers));
}

}  // namespace hongbao
