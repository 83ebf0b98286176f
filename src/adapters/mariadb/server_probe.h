// Whether a server answers: one connection, asked for nothing, and given up after a second. One thread.
#pragma once

#include <optional>

#include "adapters/mariadb/database.h"

namespace hongbao::mariadb {

class ServerProbe {
 public:
  static constexpr size_t kConnections = 1;  // opened at most

  explicit ServerProbe(Server server);
  // kStorage with MariaDB's words.
  Result<void> ask();

 private:
  Server server_;
  std::optional<Database> connection_;
};

}  // namespace hongbao::mariadb
