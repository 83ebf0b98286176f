// Makes a store's tables in a new file, and refuses a file that is another store's or another version's.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/sqlite/database.h"

namespace hongbao {

struct Schema {
  int32_t application_id;  // which store: PRAGMA application_id
  int32_t version;         // PRAGMA user_version
  std::string tables;      // CREATE statements of a new file
};

// In one transaction. Throws SqliteError with words for an operator.
void require_schema(Database& database, const std::string& file, const Schema& schema);

}  // namespace hongbao
