// What the nodes of a deployment must have in common, kept in each order server's members database.
//
// Any thread.
#pragma once

#include "adapters/mariadb/schema.h"
#include "base/crypto.h"

namespace hongbao {

// The first node's key is the deployment's. kConfig: this is another one; with it packet ids would be strangers.
// kStorage with MariaDB's words.
Result<void> require_master_key(const MariadbServer& server, const DatabaseName& members, const Key128& key_id);

}  // namespace hongbao
