#include "adapters/mariadb/statistics.h"

#include <map>
#include <mutex>

namespace hongbao::mariadb {

ServerStatistics& statistics_of(const std::string& address) {
  static std::mutex mutex;
  static auto& servers = *new std::map<std::string, ServerStatistics>();  // connections may close as the process ends
  const std::lock_guard lock(mutex);
  return servers[address];
}

}  // namespace hongbao::mariadb
