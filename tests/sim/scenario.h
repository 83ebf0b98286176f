// A scenario: a workload, and faults with their rates. Read from a TOML file; an unknown key is refused.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include "base/result.h"
#include "sim/faults.h"

namespace hongbao::sim {

struct Scenario {
  std::string name;  // the file's, without its ending

  // [workload]
  uint16_t shards = 2;
  uint32_t users = 24;
  uint32_t packets = 8;           // sent in a run
  uint32_t shares_max = 6;        // of most packets; one in eight has up to 20
  uint32_t steps = 900;           // until the faults stop
  uint32_t channel_percent = 40;  // packets paid through a channel, not from the wallet
  uint32_t pauses_per_1000 = 4;   // steps after which minutes or hours pass
  uint32_t nodes = 2;
  uint8_t ledgers = 1;  // that the region's is split into
  // [process]
  std::chrono::milliseconds lease{2'000};  // of shards, and of a node's place among those that live
  size_t resident_bytes_max = 1 << 20;     // a small one makes the shards evict
  uint32_t batch_vouchers_max = 8;
  std::chrono::milliseconds call_timeout{5'000};

  FaultRates faults{};  // [faults]

  // Nothing fails, and nobody sleeps.
  [[nodiscard]] bool is_quiet() const {
    return pauses_per_1000 == 0 && std::ranges::all_of(faults, [](uint32_t rate) { return rate == 0; });
  }
};

Result<Scenario> load_scenario(const std::string& path);

}  // namespace hongbao::sim
