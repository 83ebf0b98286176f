#include "adapters/sqlite/schema.h"

#include <fmt/format.h>

namespace hongbao {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw SqliteError(SQLITE_MISMATCH, fmt::format("{}: {}", file, why));
}

}  // namespace

void require_schema(Database& database, const std::string& file, const Schema& schema) {
  Transaction transaction(database, Transaction::Kind::kWrite);
  const int64_t application = database.integer("PRAGMA application_id");
  const int64_t version = database.integer("PRAGMA user_version");
  if (database.integer("SELECT count(*) FROM sqlite_master") == 0 && application == 0 && version == 0) {
    database.execute(schema.tables);
    database.execute(
        fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", schema.application_id, schema.version));
    transaction.commit();
    return;
  }
  if (application != schema.application_id) {
    refuse(file, "this file holds something else than the store it is opened as");
  }
  if (version != schema.version) {
    refuse(file, fmt::format("schema version {}; this program reads and writes version {}", version, schema.version));
  }
}

}  // namespace hongbao
