// Whether a server answers: one connection, asked for nothing, and given up after a second. One thread.
#pragma once

#include <optional>

#include "adapters/mariadb/database.h"

namespace hongbao {

class MariadbProbe {
 public:
  static constexpr size_t kConnections = 1;  // opened at most

  explicit MariadbProbe(MariadbServer server);
  // kStorage with MariaDB's words.
  Result<void> ask();

 private:
  MariadbServer server_;
  std::optional<mariadb::Database> connection_;
};

}  // namespace hongbao
