#include "sim/cluster.h"

#include <fmt/format.h>

#include <algorithm>

namespace hongbao::sim {
namespace {

// Besides one for each node: those that a later one replaced.
constexpr size_t kReplacedMax = 2;

}  // namespace

Cluster::Cluster(Environment& env, Engines& engines, Network& network, std::function<void(uint64_t)> lost)
    : env_(env), engines_(engines), network_(network), lost_(std::move(lost)) {
  for (uint32_t i = 0; i < env.scenario.nodes; ++i) {  // other names place the shards elsewhere
    nodes_.push_back(fmt::format("node{}-{}", i, env.dice.below(1'000)));
  }
}

bool Cluster::may_act(const Running& running) const {
  return running.started && !running.gone && !running.stopped && env_.clock.steady_now() >= running.stopped_until;
}

Process* Cluster::somebody() {
  const auto able = [this](const auto& each) { return may_act(*each); };
  const auto count = static_cast<uint64_t>(std::ranges::count_if(running_, able));
  if (count == 0) {
    return nullptr;
  }
  auto chosen = std::ranges::find_if(running_, able);
  for (uint64_t i = env_.dice.below(count); i > 0; --i) {
    chosen = std::find_if(std::next(chosen), running_.end(), able);
  }
  return (*chosen)->process.get();
}

Cluster::Running* Cluster::latest(size_t node) const {
  const auto found = std::find_if(running_.rbegin(), running_.rend(),
                                  [node](const auto& each) { return each->node == node && !each->gone; });
  return found == running_.rend() ? nullptr : found->get();
}

Process* Cluster::find_node(const std::string& node) {
  const auto found = std::ranges::find(nodes_, node);
  Running* running = latest(static_cast<size_t>(found - nodes_.begin()));
  return running != nullptr && running->started ? running->process.get() : nullptr;
}

bool Cluster::play_at(uint64_t process, const std::function<void(Process&)>& act) {
  const auto found =
      std::ranges::find_if(running_, [process](const auto& each) { return each->process->number() == process; });
  if (found == running_.end() || !may_act(**found)) {
    return false;
  }
  play(*(*found)->process, act);
  return true;
}

Cluster::Running* Cluster::running(const Process& process) const {
  return std::ranges::find_if(running_, [&](const auto& each) { return each->process.get() == &process; })->get();
}

void Cluster::play(Process& process, const std::function<void(Process&)>& act) {
  Running* const before = acting_;
  acting_ = running(process);
  Running& here = *acting_;
  ++here.steps;
  try {
    act(process);
  } catch (const Crash&) {
    kill(here);
  }
  --here.steps;
  acting_ = before;
  remove_gone();
}

void Cluster::in_the_meantime(bool stopped, const std::function<void()>& others) {
  Running& here = *std::exchange(acting_, nullptr);
  here.stopped = stopped;
  others();
  here.stopped = false;
  acting_ = &here;
  if (here.gone) {
    throw Crash{};
  }
}

void Cluster::kill(Running& running) {
  if (!running.gone) {
    running.gone = true;
    env_.history.note("process_gone", running.process->number());
    lost_(running.process->number());
  }
}

void Cluster::remove_gone() {
  std::erase_if(running_, [](const auto& each) { return each->gone && each->steps == 0; });
}

void Cluster::start(size_t node) {
  const uint64_t number = ++processes_;
  auto process = std::make_unique<Process>(engines_, env_, network_, nodes_[node], number);
  for (const auto& each : running_) {
    if (each->node == node) {
      each->process->set_shares_name();
      process->set_shares_name();
    }
  }
  Running& starting = *running_.emplace_back(std::make_unique<Running>(node, std::move(process)));
  play(*starting.process, [&](Process& here) {
    starting.started = here.start().has_value();
    env_.history.note("process_start", number, starting.started ? 1 : 0);
    if (!starting.started) {
      throw Crash{};
    }
  });
}

void Cluster::strike() {
  Faults& faults = env_.faults;
  Process* const victim = somebody();
  if (victim == nullptr) {
    return;
  }
  if (faults.strikes(Fault::kCrash)) {
    kill(*running(*victim));
    remove_gone();
    return;
  }
  // For less than a lease, or for more.
  const auto lease_ms = static_cast<uint64_t>(env_.scenario.lease.count());
  const auto until = [&] {
    return env_.clock.steady_now() + std::chrono::milliseconds(env_.dice.between(1, 3 * lease_ms));
  };
  Running& here = *running(*victim);
  if (here.steps == 0 && faults.strikes(Fault::kStopped)) {
    here.stopped_until = until();
  }
  if (faults.strikes(Fault::kCutOff)) {
    here.cut_off_until = until();
  }
  if (faults.strikes(Fault::kCleanStop)) {
    play(*victim, [](Process& process) { process.leave(); });
  }
}

void Cluster::supervise() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Running& each = *running_[i];
    if (each.started && each.steps == 0 && !each.gone && each.process->has_left() && env_.dice.one_in(8)) {
      kill(each);
    }
  }
  remove_gone();
  for (size_t node = 0; node < nodes_.size(); ++node) {
    const bool down = latest(node) == nullptr;
    const bool again = !down && running_.size() < nodes_.size() + kReplacedMax && env_.faults.strikes(Fault::kReplaced);
    if ((down && env_.dice.one_in(5)) || again) {
      start(node);
    }
  }
}

void Cluster::kill_all() {
  for (size_t i = 0; i < running_.size(); ++i) {
    kill(*running_[i]);
  }
  remove_gone();
}

void Cluster::wake() {
  for (const auto& each : running_) {
    each->stopped_until = {};
  }
}

// Leases promise it as long as no other process has the node's name and the databases' clock does not jump.
std::string Cluster::owned_twice() const {
  for (const auto& [id, store] : engines_.order_stores) {
    for (const auto& each : running_) {
      const bool promised = !each->gone && !each->process->shares_name() && env_.leases_hold;
      if (promised && each->process->owns(id) && store->holder() != nodes_[each->node]) {
        return fmt::format("{} answers for shard {}, which {} has taken", nodes_[each->node], to_text(id),
                           store->holder());
      }
    }
  }
  return {};
}

std::string Cluster::misplaced() {
  for (const auto& [id, store] : engines_.order_stores) {
    for (const auto& each : running_) {
      const auto owner = each->process->placement.owner(id);
      Process* const process = owner ? find_node(owner->node) : nullptr;
      if (process == nullptr || !process->owns(id)) {
        return fmt::format("shard {} is not owned where {} sees it", to_text(id), nodes_[each->node]);
      }
    }
  }
  return {};
}

}  // namespace hongbao::sim
