#include "apps/server/node_metrics.h"

#include "api/problem.h"
#include "base/engine_statistics.h"

namespace hongbao {
namespace {

constexpr ShardState kStates[] = {ShardState::kServing, ShardState::kRecovering, ShardState::kAway,
                                  ShardState::kStopped};

}  // namespace

void NodeMetrics::set(const std::string& name, const std::string& help, const MetricLabels& labels, double value) {
  add_gauge(registry_, name, help, labels).Set(value);
}

// Counted elsewhere: only the rise is added.
void NodeMetrics::count(const std::string& name, const std::string& help, const MetricLabels& labels, uint64_t total) {
  prometheus::Counter& counter = add_counter(registry_, name, help, labels);
  const double rise = static_cast<double>(total) - counter.Value();
  if (rise > 0) {
    counter.Increment(rise);
  }
}

void NodeMetrics::update() {
  for (const ShardId id : shards_.ids()) {
    const ShardStatus status = shards_.find(id)->status();
    const std::string shard = to_text(id);
    for (const ShardState state : kStates) {
      set("hongbao_shard_state", "1 for the state that the shard has at this node.",
          {{"shard", shard}, {"state", std::string(to_text(state))}}, status.state == state ? 1 : 0);
    }
    set("hongbao_shard_owned", "1 while this node has the shard's lease.", {{"shard", shard}},
        status.lease_left.count() > 0 ? 1 : 0);
    set("hongbao_shard_epoch", "Of the shard when this node took it last.", {{"shard", shard}}, status.epoch);
    set("hongbao_shard_commit_pending_seconds", "Since a commit or renewal began whose outcome is not known.",
        {{"shard", shard}}, static_cast<double>(status.commit_pending.count()) / 1'000);
  }
  for (const EngineSeen& seen : watch_.facts().engines) {
    set("hongbao_engine_up", "1 while the server answers this node.",
        {{"engine", seen.server.engine}, {"use", seen.server.use}, {"server", seen.server.address}},
        seen.answers ? 1 : 0);
  }
  for_each_engine([&](const std::string& engine, const std::string& server, const EngineStatistics& statistics) {
    const MetricLabels labels{{"engine", engine}, {"server", server}};
    count("hongbao_engine_errors_total", "Calls of an engine that failed.", labels, statistics.errors.load());
    set("hongbao_engine_connections", "Connections to an engine that are open.", labels,
        static_cast<double>(statistics.connections.load()));
  });
  for (const auto& [type, told] : problem_counts()) {
    count("hongbao_http_problems_total", "Problems that this node's callers were told, by type.",
          {{"type", std::string(type)}}, told);
  }
}

}  // namespace hongbao
