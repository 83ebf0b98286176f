// hongbao-sim: plays a scenario from many seeds and judges every run.
//
//   hongbao-sim --scenario FILE --seeds N        seeds 1…N; stops at the first that fails, with the command to replay
//   it hongbao-sim --scenario FILE --seed S         one seed, with every event printed hongbao-sim … --expect-caught
//   for a broken variant of the product: succeeds when a seed fails
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "base/crypto.h"
#include "base/log.h"
#include "sim/run.h"

namespace hongbao::sim {
namespace {

constexpr uint64_t kSeedsMax = 1'000'000'000;

struct Options {
  std::string scenario;
  uint64_t seeds = 1;
  uint64_t seed = 0;
  bool trace = false;
  bool expect_caught = false;
};

// For the handler of a CHECK that fails in the middle of a run.
const Options* g_options = nullptr;
uint64_t g_seed = 0;

int caught(const char* by, const std::string& what) {
  if (g_options->expect_caught) {
    fmt::print("caught by {} after {} seeds: {}\n", by, g_seed, what);
    return EXIT_SUCCESS;
  }
  fmt::print("FAILED ({}): {}\n  replay: ./run sim --scenario {} --seed {}\n", by, what, g_options->scenario, g_seed);
  return EXIT_FAILURE;
}

// CHECK has printed what failed. Not async-signal-safe, but abort is called here and nowhere else.
void on_abort(int) {
  const int status = caught("a CHECK", "see the line above");
  std::fflush(stdout);
  std::_Exit(status);
}

void print_struck(const FaultCounts& struck, const FaultRates& rates) {
  for (size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (rates[fault] > 0) {
      fmt::print("  {:28} {:9}\n", to_text(fault), struck[fault]);
    }
  }
}

// Now and then a seed is played twice: what it gives must not depend on anything else.
constexpr uint64_t kPlayedTwiceEvery = 50;

int run_seeds(const Scenario& scenario, const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  FaultCounts struck{};
  for (g_seed = 1; g_seed <= options.seeds; ++g_seed) {
    const Outcome outcome = run_seed(scenario, g_seed, false);
    if (!outcome.violations.empty()) {
      return caught("the checker", outcome.violations.front());
    }
    if (g_seed % kPlayedTwiceEvery == 1 && run_seed(scenario, g_seed, false).history_hash != outcome.history_hash) {
      return caught("a second run", "the same seed gave two histories");
    }
    for (size_t i = 0; i < kFaults; ++i) {
      struck.at(i) += outcome.struck.at(i);
    }
  }
  if (options.expect_caught) {
    fmt::print("NOT caught in {} seeds\n", options.seeds);
    return EXIT_FAILURE;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{}: {} seeds in {:.1f} s, {:.0f} a second; every one settled\n", scenario.name, options.seeds,
             took.count(), static_cast<double>(options.seeds) / took.count());
  print_struck(struck, scenario.faults);
  int status = EXIT_SUCCESS;
  for (size_t i = 0; i < kFaults; ++i) {
    if (scenario.faults.at(i) > 0 && struck.at(i) == 0) {
      fmt::print("FAILED: {} never struck\n", to_text(static_cast<Fault>(i)));
      status = EXIT_FAILURE;
    }
  }
  return status;
}

int replay(const Scenario& scenario, uint64_t seed) {
  g_seed = seed;
  const Outcome outcome = run_seed(scenario, seed, true);
  for (const std::string& violation : outcome.violations) {
    fmt::print("violated: {}\n", violation);
  }
  fmt::print("seed {}: history {:016x}, {}\n", seed, outcome.history_hash,
             outcome.violations.empty() ? "settled" : "FAILED");
  return outcome.violations.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{"Plays scenarios of faults over Hongbao's decision code, from seeds."};
  app.add_option("--scenario", options.scenario, "TOML file")->required()->check(CLI::ExistingFile);
  app.add_option("--seeds", options.seeds, "play seeds 1 to N")->check(CLI::Range(uint64_t{1}, kSeedsMax));
  app.add_option("--seed", options.seed, "play one seed and print its events")
      ->check(CLI::Range(uint64_t{1}, UINT64_MAX));
  app.add_flag("--expect-caught", options.expect_caught, "succeed when a seed fails");
  CLI11_PARSE(app, argc, argv);
  g_options = &options;
  std::signal(SIGABRT, on_abort);
  init_crypto();
  set_log_level(options.seed > 0 ? LogLevel::kInfo : LogLevel::kNone);
  const auto scenario = load_scenario(options.scenario);
  if (!scenario) {
    fmt::print(stderr, "{}: {}: {}\n", options.scenario, scenario.error().field, scenario.error().detail);
    return 2;
  }
  return options.seed > 0 ? replay(*scenario, options.seed) : run_seeds(*scenario, options);
}

}  // namespace
}  // namespace hongbao::sim

int main(int argc, char** argv) {
  return hongbao::sim::run(argc, argv);
}
