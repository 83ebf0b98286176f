// Makes a store's tables in a new file, brings those of an older version up to date, and refuses a file that is another
// store's or a newer version's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/sqlite/database.h"

namespace hongbao::sqlite {

struct Schema {
  int32_t application_id;  // which store: PRAGMA application_id
  // Step i takes a file from version i (PRAGMA user_version) to i + 1; a new file takes them all. Only ever added to.
  std::vector<std::string> steps;
};

// In one transaction. Throws SqliteError with words for an operator.
void require_schema(Database& database, const std::string& file, const Schema& schema);

}  // namespace hongbao::sqlite
