#include "sim/run.h"

#include "sim/checker.h"
#include "sim/world.h"

namespace hongbao::sim {

Outcome run_seed(const Scenario& scenario, uint64_t seed, bool trace) {
  Environment env(scenario, seed, trace);
  World world(env);
  world.play();
  if (env.violations.empty()) {
    world.settle_down();
  }
  if (env.violations.empty()) {
    Checker(env, world.engines(), world.callers().record(), world.callers().users()).check();
  }
  return {std::move(env.violations), env.history.hash(), env.faults.struck()};
}

}  // namespace hongbao::sim
