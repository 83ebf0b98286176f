// One seed of one scenario, from its beginning to its verdict. One thread.
#pragma once

#include "sim/environment.h"

namespace hongbao::sim {

struct Outcome {
  std::vector<std::string> violations;
  uint64_t history_hash = 0;
  FaultCounts struck{};
};

Outcome run_seed(const Scenario& scenario, uint64_t seed, bool trace);

}  // namespace hongbao::sim
