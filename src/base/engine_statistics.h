// What this process has to do with each server of the engines it uses, counted by their adapters, for its metrics. Any
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace hongbao {

struct EngineStatistics {
  std::atomic<uint64_t> errors{0};      // calls that failed
  std::atomic<int64_t> connections{0};  // that are open
};

// Of one server, such as "mariadb" at "127.0.0.1:3306"; for as long as the process lives.
EngineStatistics& engine_statistics(const std::string& engine, const std::string& server);

// Of all that were ever asked for.
void for_each_engine(const std::function<void(const std::string& engine, const std::string& server,
                                              const EngineStatistics& statistics)>& call);

}  // namespace hongbao
