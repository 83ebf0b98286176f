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

Result<void> require_master_keys(const Server& server, const DatabaseName& members, const std::vector<Key128>& ids) {
  const auto are_known = guarded("deployment.master_keys", [&] {
    Database database = Database::open(server, members.name, Database::Mode::kWrite);
    for (size_t i = 0; i < ids.size(); ++i) {
      database.execute(
          fmt::format("INSERT IGNORE INTO deployment(id, master_key_id) VALUES ({}, '{}')", i + 1, to_hex(ids[i])));
    }
    database.commit();
    std::string wanted;
    for (const Key128& id : ids) {
      wanted += to_hex(id);
    }
    return database.text("SELECT GROUP_CONCAT(master_key_id ORDER BY id SEPARATOR '') FROM deployment") == wanted;
  });
  if (!are_known) {
    return std::unexpected(are_known.error());
  }
  return *are_known ? Result<void>()
                    : fail(ErrorCode::kConfig,
                           fmt::format("names other keys than the deployment on {} was made with: give the original "
                                       "ones, and all that were added",
                                       server.address()),
                           "auth.master_keys_file");
}

}  // namespace hongbao::mariadb
