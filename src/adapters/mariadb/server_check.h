// Refuses a MariaDB server on which a commit that was answered could be lost, or half of one seen, or that takes too
// few connections.
#pragma once

#include "adapters/mariadb/database.h"

namespace hongbao::mariadb {

// The largest statement that is sent; the server must take it.
inline constexpr int64_t kPacketBytesMin = 4 << 20;

// `connections`: as many as this process may open there. kConfig with one line that names the setting, its value and
// what it must be; kStorage when the server can't be asked.
Result<void> check_server(const Server& server, size_t connections);

}  // namespace hongbao::mariadb
