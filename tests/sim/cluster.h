// The nodes of a run and their processes: who runs, who is stopped, who is gone, and what systemd or an operator does
// about it. A process that is stopped in the middle of a step, or waits there, stays on the stack while the others are
// played from inside its call; so does everything it had begun, which it finishes late. One thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sim/process.h"

namespace hongbao::sim {

class Cluster final : public Hosts {
 public:
  // `lost`: called with the number of a process that is gone.
  Cluster(Environment& env, Engines& engines, Network& network, std::function<void(uint64_t)> lost);

  // One that runs and may act now; null when there is none.
  Process* somebody();
  Process* find_node(const std::string& node) override;
  bool play_at(uint64_t process, const std::function<void(Process&)>& act) override;
  // Plays `act` as one step of `process`, which is gone when it crashes.
  void play(Process& process, const std::function<void(Process&)>& act);

  // The process whose step is played; null between two steps.
  [[nodiscard]] Process* acting() const { return acting_ == nullptr ? nullptr : acting_->process.get(); }
  [[nodiscard]] bool acting_is_cut_off() const {
    return acting_ != nullptr && env_.clock.steady_now() < acting_->cut_off_until;
  }
  // Plays `others` in the middle of a step of the one that acts: at once with it, or while it is stopped.
  void in_the_meantime(bool stopped, const std::function<void()>& others);

  void strike();
  void supervise();
  // No step is being played.
  void kill_all();
  // Lets those that are stopped go on.
  void wake();

  // A shard that somebody believes to own though another node has taken it; empty when there is none.
  [[nodiscard]] std::string owned_twice() const;
  // A shard that is not owned by the node it belongs to; empty when there is none.
  [[nodiscard]] std::string misplaced();

 private:
  struct Running {
    size_t node;
    std::unique_ptr<Process> process;
    SteadyTime stopped_until{};  // between two steps
    SteadyTime cut_off_until{};
    bool started = false;
    bool stopped = false;  // in the middle of a step
    bool gone = false;     // and still on the stack
    int steps = 0;         // of it on the stack
  };

  void start(size_t node);
  void kill(Running& running);
  void remove_gone();
  Running* latest(size_t node) const;
  Running* running(const Process& process) const;
  [[nodiscard]] bool may_act(const Running& running) const;

  Environment& env_;
  Engines& engines_;
  Network& network_;
  const std::function<void(uint64_t)> lost_;
  std::vector<std::string> nodes_;
  std::vector<std::unique_ptr<Running>> running_;  // in the order of their numbers
  Running* acting_ = nullptr;
  uint64_t processes_ = 0;
};

}  // namespace hongbao::sim
