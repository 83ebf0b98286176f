#include "sim/scenario.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/config.h"

namespace hongbao::sim {

Result<Scenario> load_scenario(const std::string& path) {
  auto config = ConfigReader::load(path, {});
  if (!config) {
    return std::unexpected(config.error());
  }
  Scenario scenario{.name = std::filesystem::path(path).stem()};
  const auto read = [&](std::string_view key, auto& value, int64_t least, int64_t most) {
    using Value = std::remove_reference_t<decltype(value)>;
    value = static_cast<Value>(config->integer(key, static_cast<int64_t>(value), least, most));
  };
  read("workload.shards", scenario.shards, 1, 8);
  read("workload.ledgers", scenario.ledgers, 1, 4);
  read("workload.users", scenario.users, 2, 100);
  read("workload.packets", scenario.packets, 1, 1'000);
  read("workload.shares_max", scenario.shares_max, 1, 100);
  read("workload.steps", scenario.steps, 1, 1'000'000);
  read("workload.channel_percent", scenario.channel_percent, 0, 100);
  read("workload.pauses_per_1000", scenario.pauses_per_1000, 0, 1'000);
  read("workload.nodes", scenario.nodes, 1, 5);
  read("process.resident_bytes_max", scenario.resident_bytes_max, 1, 1 << 30);
  read("process.batch_vouchers_max", scenario.batch_vouchers_max, 1, 1'000);
  const auto read_time = [&](std::string_view key, std::chrono::milliseconds& time) {
    int64_t ms = time.count();
    read(key, ms, 1, 60'000);
    time = std::chrono::milliseconds(ms);
  };
  read_time("process.lease_ms", scenario.lease);
  read_time("process.call_timeout_ms", scenario.call_timeout);
  for (size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    read(fmt::format("faults.{}", to_text(fault)), scenario.faults[fault], 0, 10'000);
  }
  if (auto finished = config->finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return scenario;
}

}  // namespace hongbao::sim
