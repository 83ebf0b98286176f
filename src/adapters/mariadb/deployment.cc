#include "adapters/mariadb/deployment.h"

#include <fmt/format.h>

namespace hongbao {

using mariadb::Database;
using mariadb::guarded;

Result<void> require_master_key(const MariadbServer& server, const DatabaseName& members, const Key128& key_id) {
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

}  // namespace hongbao
