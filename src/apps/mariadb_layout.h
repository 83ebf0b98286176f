// Which database lies on which MariaDB server: shards are dealt over the order servers by their number. One thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/mariadb/schema.h"
#include "apps/settings.h"

namespace hongbao {

inline constexpr std::string_view kColdServerField = "mariadb.cold";

class MariadbLayout {
 public:
  // REQUIRES: settings.distributed.
  explicit MariadbLayout(const Settings& settings) : settings_(settings) {}

  struct OrderServer {
    mariadb::Server server;
    std::vector<ShardId> shards;
  };
  [[nodiscard]] std::vector<OrderServer> order_servers() const;
  // Of all the entries that name this server.
  [[nodiscard]] std::vector<ShardId> shards_at(const mariadb::Server& server) const;
  // Of shards on `orders`.
  [[nodiscard]] mariadb::Server cold(const mariadb::Server& orders) const {
    return settings_.mariadb_cold ? server_at(*settings_.mariadb_cold) : orders;
  }
  [[nodiscard]] mariadb::Server ledger() const { return server_at(settings_.mariadb_ledger); }
  [[nodiscard]] mariadb::Server inbox() const { return server_at(settings_.mariadb_inbox); }

  struct UsedServer {
    mariadb::Server server;
    std::string_view field;  // the configuration key that names it
    size_t connections = 0;  // that a node opens there at most: it may own every shard, and audits read all
  };
  // Every server once.
  [[nodiscard]] std::vector<UsedServer> servers() const;
  // Every database of the deployment.
  [[nodiscard]] std::vector<std::pair<mariadb::Server, mariadb::DatabaseName>> databases() const;

 private:
  [[nodiscard]] mariadb::Server server_at(const HostPort& address) const;

  const Settings& settings_;
};

}  // namespace hongbao
