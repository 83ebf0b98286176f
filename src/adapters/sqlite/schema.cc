#include "adapters/sqlite/schema.h"

#include <fmt/format.h>

#include "base/log.h"

namespace hongbao::sqlite {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw SqliteError(SQLITE_MISMATCH, fmt::format("{}: {}", file, why));
}

}  // namespace

void require_schema(Database& database, const std::string& file, const Schema& schema) {
  Transaction transaction(database, Transaction::Kind::kWrite);
  const int64_t application = database.integer("PRAGMA application_id");
  const int64_t version = database.integer("PRAGMA user_version");
  const auto wanted = static_cast<int64_t>(schema.steps.size());
  const bool is_new = database.integer("SELECT count(*) FROM sqlite_master") == 0 && application == 0 && version == 0;
  if (!is_new && application != schema.application_id) {
    refuse(file, "this file holds something else than the store it is opened as");
  }
  if (version > wanted || (version <= 0 && !is_new)) {
    refuse(file, fmt::format("schema version {}; this program knows version {} at most", version, wanted));
  }
  if (version == wanted) {
    return;
  }
  for (int64_t step = version; step < wanted; ++step) {
    database.execute(schema.steps[static_cast<size_t>(step)]);
  }
  database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", schema.application_id, wanted));
  transaction.commit();
  if (!is_new) {
    log_info("schema_upgraded", {{"file", file}, {"from", version}, {"to", wanted}});
  }
}

}  // namespace hongbao::sqlite
