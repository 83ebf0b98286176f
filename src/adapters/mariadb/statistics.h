// What a process has to do with each MariaDB server, for its metrics. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace hongbao::mariadb {

struct ServerStatistics {
  std::atomic<uint64_t> errors{0};      // calls of a store that failed
  std::atomic<int64_t> connections{0};  // that are open
};

// Of the server at this address ("127.0.0.1:3306"); for as long as the process lives.
ServerStatistics& statistics_of(const std::string& address);

}  // namespace hongbao::mariadb
