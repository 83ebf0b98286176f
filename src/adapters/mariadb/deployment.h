// What the nodes of a deployment must have in common, kept in each order server's members database.
//
// Any thread.
#pragma once

#include <string>
#include <vector>

#include "adapters/mariadb/schema.h"
#include "base/crypto.h"
#include "core/ids.h"

namespace hongbao::mariadb {

// The deployment's master keys are those that its nodes have started with, told apart by their `ids`; more may come.
// kConfig: one of them is missing or another; with that, packet ids would be strangers.
// kStorage with MariaDB's words.
Result<void> require_master_keys(const Server& server, const DatabaseName& members, const std::vector<Key128>& ids);

// When the database was made, to the microsecond: two that differ in it are not the same, wherever they are and
// whatever they are called now. REQUIRES: require_schema. kStorage with MariaDB's words.
Result<std::string> birth_of(const Server& server, const DatabaseName& database);

// kConfig: `server` has orders of a shard that is not in `here`; `all` are the shards that are served at all. What
// never had an order may be left out. kStorage with MariaDB's words.
Result<void> require_every_shard(const Server& server, const std::vector<ShardId>& all,
                                 const std::vector<ShardId>& here);

}  // namespace hongbao::mariadb
