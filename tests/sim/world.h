// One run: engines that survive, a process over them (and at times the one before it, which does not know that it lost
// its shards), callers, and time. `play` lets the faults strike; `settle_down` ends them and waits for everything to be
// settled, which must happen. One thread.
#pragma once

#include <memory>
#include <set>

#include "sim/callers.h"
#include "sim/process.h"

namespace hongbao::sim {

class World {
 public:
  explicit World(Environment& env);

  void play();
  void settle_down();

  [[nodiscard]] Engines& engines() { return engines_; }
  [[nodiscard]] const Callers& callers() const { return callers_; }

 private:
  void tick();
  void act(Process& process);
  void meanwhile();
  void let_time_pass();
  void strike();
  void supervise();
  void start_process();
  void kill(std::unique_ptr<Process>& process);
  // Plays `act`, and ends `process` when it crashes.
  template <class Act>
  void in(std::unique_ptr<Process>& process, Act act);
  void set_frozen(const UserId& user, bool frozen);
  void thaw_everybody();
  void audit();

  // What is not settled yet, in words; empty when everything is.
  [[nodiscard]] std::string unsettled();
  void work_until_idle();

  Environment& env_;
  Engines engines_;
  Callers callers_;
  uint64_t processes_ = 0;
  std::unique_ptr<Process> current_;  // null while it restarts
  std::unique_ptr<Process> stale_;
  std::set<UserId> frozen_;       // perhaps
  Process* acting_ = nullptr;     // whose step is played
  bool in_the_meantime_ = false;  // and waits for its commit
};

}  // namespace hongbao::sim
