#include "adapters/mariadb/deployment.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace hongbao::mariadb {

namespace {

// Shards that have a database on this server and a voucher in it.
std::vector<ShardId> shards_with_orders(Database& database) {
  std::vector<std::pair<ShardId, std::string>> found;
  auto names = database.prepare("SELECT table_schema FROM information_schema.tables WHERE table_name = 'shard_head'");
  {
    Rows rows = names.query();
    while (rows.next()) {
      const std::string name(rows.text(0));
      const auto shard = parse_shard_id(std::string_view(name).substr(name.rfind('_') + 1));
      if (shard && orders_database(*shard).name == name) {
        found.emplace_back(*shard, name);
      }
    }
  }
  std::erase_if(found, [&](const auto& entry) {
    return database.text(fmt::format("SELECT next_voucher FROM {}.shard_head", entry.second)).value_or("1") == "1";
  });
  std::vector<ShardId> shards;
  for (const auto& [shard, name] : found) {
    shards.push_back(shard);
  }
  return shards;
}

}  // namespace

Result<std::string> birth_of(const Server& server, const DatabaseName& database) {
  return guarded("deployment.birth", [&] {
    Database connection = Database::open(server, database.name, Database::Mode::kRead);
    return connection.text("SELECT MIN(applied_at) FROM schema_version").value_or("");
  });
}

Result<void> require_every_shard(const Server& server, const std::vector<ShardId>& all,
                                 const std::vector<ShardId>& here) {
  const auto found = guarded("deployment.shards", [&] {
    Database database = Database::open(server, "", Database::Mode::kRead);
    return shards_with_orders(database);
  });
  if (!found) {
    return std::unexpected(found.error());
  }
  for (const ShardId shard : *found) {
    if (std::ranges::find(here, shard) != here.end()) {
      continue;
    }
    if (std::ranges::find(all, shard) != all.end()) {
      return fail(
          ErrorCode::kConfig,
          fmt::format("looks for shard {} on another server than {}, where its orders are: name the same servers "
                      "in the same order",
                      to_text(shard), server.address()),
          "mariadb.orders");
    }
    return fail(ErrorCode::kConfig,
                fmt::format("leaves out shard {}, whose orders are on {}: serve every shard that has orders",
                            to_text(shard), server.address()),
                !all.empty() && all.front().region == shard.region ? "shards.count" : "region.name");
  }
  return {};
}

Result<void> require_master_key(const Server& server, const DatabaseName& members, const Key128& key_id) {
  const std::string wanted = to_hex(key_id);
  const auto found = guarded("deployment.master_key", [&] {
    Database database = Database::open(server, members.name, Database::Mode::kWrite);
    database.execute(fmt::format("INSERT IGNORE INTO deployment(id, master_key_id) VALUES (1, '{}')", wanted));
    database.commit();
    return database.text("SELECT master_key_id FROM deployment").value_or("");
  });
  if (!found) {
    return std::unexpected(found.error());
  }
  return *found == wanted ? Result<void>()
                          : fail(ErrorCode::kConfig,
                                 fmt::format("names another key than the deployment on {} was made with: give the "
                                             "original key",
                                             server.address()),
                                 "auth.master_key_file");
}

}  // namespace hongbao::mariadb
