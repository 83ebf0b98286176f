#include "base/engine_statistics.h"

#include <map>
#include <mutex>
#include <utility>

namespace hongbao {
namespace {

struct Engines {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, EngineStatistics> servers;  // guarded by mutex
};

Engines& engines() {
  static auto& all = *new Engines();  // connections may close as the process ends
  return all;
}

}  // namespace

EngineStatistics& engine_statistics(const std::string& engine, const std::string& server) {
  const std::lock_guard lock(engines().mutex);
  return engines().servers[{engine, server}];
}

void for_each_engine(const std::function<void(const std::string& engine, const std::string& server,
                                              const EngineStatistics& statistics)>& call) {
  const std::lock_guard lock(engines().mutex);
  for (const auto& [name, statistics] : engines().servers) {
    call(name.first, name.second, statistics);
  }
}

}  // namespace hongbao
