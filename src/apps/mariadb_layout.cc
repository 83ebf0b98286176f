#include "apps/mariadb_layout.h"

#include <algorithm>

#include "adapters/mariadb/inbox_store.h"
#include "adapters/mariadb/ledger_store.h"
#include "adapters/mariadb/membership.h"
#include "adapters/mariadb/order_store.h"
#include "adapters/mariadb/server_probe.h"

namespace hongbao {

mariadb::Server MariadbLayout::server_at(const HostPort& address) const {
  return {.host = address.host,
          .port = address.port,
          .user = settings_.mariadb_user,
          .password = settings_.mariadb_password,
          .tls = settings_.mariadb_tls};
}

std::vector<MariadbLayout::OrderServer> MariadbLayout::order_servers() const {
  std::vector<OrderServer> servers;
  for (const HostPort& address : settings_.mariadb_orders) {
    servers.push_back({server_at(address), {}});
  }
  const std::vector<ShardId> ids = settings_.shard_ids();
  for (size_t i = 0; i < ids.size(); ++i) {
    servers[i % servers.size()].shards.push_back(ids[i]);
  }
  std::erase_if(servers, [](const OrderServer& server) { return server.shards.empty(); });
  return servers;
}

std::vector<ShardId> MariadbLayout::shards_at(const mariadb::Server& server) const {
  std::vector<ShardId> shards;
  for (const OrderServer& orders : order_servers()) {
    if (orders.server.address() == server.address()) {
      shards.insert(shards.end(), orders.shards.begin(), orders.shards.end());
    }
  }
  return shards;
}

std::vector<MariadbLayout::UsedServer> MariadbLayout::servers() const {
  std::vector<UsedServer> servers;
  const auto add = [&](const mariadb::Server& server, std::string_view field, size_t connections) {
    const auto same = [&](const UsedServer& other) { return other.server.address() == server.address(); };
    auto found = std::ranges::find_if(servers, same);
    if (found == servers.end()) {
      found = servers.insert(found, {server, field});
    }
    found->connections += connections;
  };
  for (const auto& [server, shards] : order_servers()) {
    add(server, "mariadb.orders",
        2 * mariadb::Membership::kConnections + mariadb::OrderStore::kMoveConnections +
            shards.size() * mariadb::OrderStore::kConnections);
    add(cold(server), kColdServerField,
        mariadb::ServerProbe::kConnections + mariadb::OrderStore::kMoveConnections +
            shards.size() * mariadb::OrderStore::kColdConnections);
  }
  add(ledger(), "mariadb.ledger", mariadb::ServerProbe::kConnections + mariadb::LedgerStore::kConnections);
  add(inbox(), "mariadb.inbox", mariadb::ServerProbe::kConnections + mariadb::InboxStore::kConnections);
  return servers;
}

std::vector<std::pair<mariadb::Server, mariadb::DatabaseName>> MariadbLayout::databases() const {
  std::vector<std::pair<mariadb::Server, mariadb::DatabaseName>> databases;
  for (const OrderServer& orders : order_servers()) {
    databases.emplace_back(orders.server, mariadb::members_database());
    for (const ShardId shard : orders.shards) {
      databases.emplace_back(orders.server, mariadb::orders_database(shard));
      databases.emplace_back(cold(orders.server), mariadb::cold_database(shard));
    }
  }
  databases.emplace_back(ledger(), mariadb::ledger_database());
  databases.emplace_back(inbox(), mariadb::inbox_database());
  return databases;
}

}  // namespace hongbao
