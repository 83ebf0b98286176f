// What all parts of one run share: chance, time, faults and the history. One thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/faults.h"
#include "sim/scenario.h"
#include "support/manual_clock.h"

namespace hongbao::sim {

// 2026-11-22 12:00 in UTC+8.
inline constexpr Timestamp kNoon{20'779LL * 86'400'000 + 4LL * 3'600'000};

// Where a process is while an engine or the operating system lets it wait.
enum class Moment : uint8_t {
  kCall,  // in a call of an engine
  kLoad,  // a packet was read, and the answer is on its way
  kClock  // it looks at a clock
};

struct Environment {
  Environment(const Scenario& played, uint64_t seed, bool trace)
      : scenario(played), dice(seed), history(trace), faults(played.faults, dice, history) {}

  // Something that must never be. The run goes on to its end, so that a trace shows what follows.
  void violation(std::string what) {
    history.note(what);
    violations.push_back(std::move(what));
  }

  void pass(std::chrono::milliseconds time) {
    clock.advance(time);
    database_clock.advance(time);
  }

  const Scenario& scenario;
  Dice dice;
  History history;
  Faults faults;
  ManualClock clock{kNoon};           // of the nodes
  ManualClock database_clock{kNoon};  // leases run by it
  bool leases_hold = true;            // false: it jumped, and only the fence is left
  std::vector<std::string> violations;
  // Plays what others do in the meantime: other threads of the process, and other processes.
  std::function<void(Moment)> meanwhile = [](Moment) {};
  // Whether the process that acts can't reach the databases.
  std::function<bool()> cut_off = [] { return false; };
};

// A store that refuses for a while, now and then; and always, whoever is cut off from it.
class Outage {
 public:
  Outage(Environment& env, Fault fault) : env_(env), fault_(fault) {}

  bool refuses() {
    if (env_.faults.stopped()) {
      return false;
    }
    if (env_.faults.strikes(fault_)) {
      begin();
    }
    return env_.clock.steady_now() < until_ || env_.cut_off();
  }

  // A commit whose outcome is unknown is often the first sign that the store is away.
  void perhaps_begin() {
    if (env_.scenario.faults[fault_] > 0 && env_.dice.one_in(4)) {
      begin();
    }
  }

 private:
  void begin() { until_ = env_.clock.steady_now() + std::chrono::milliseconds(env_.dice.between(20, 5'000)); }

  Environment& env_;
  const Fault fault_;
  SteadyTime until_;
};

inline std::unexpected<Error> refused() {
  return fail(ErrorCode::kStorage, "the simulated store refuses");
}

}  // namespace hongbao::sim
