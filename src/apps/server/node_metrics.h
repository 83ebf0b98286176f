// Metrics that are read off only when somebody asks for them: how the shards stand, what the engines do, what problems
// were told. One thread at a time.
#pragma once

#include "base/metrics.h"
#include "service/region_watch.h"
#include "service/shard_set.h"

namespace hongbao {

class NodeMetrics {
 public:
  // All outlive it.
  NodeMetrics(prometheus::Registry& registry, const ShardSet& shards, const RegionWatch& watch)
      : registry_(registry), shards_(shards), watch_(watch) {}

  void update();

 private:
  void set(const std::string& name, const std::string& help, const MetricLabels& labels, double value);
  void count(const std::string& name, const std::string& help, const MetricLabels& labels, uint64_t total);

  prometheus::Registry& registry_;
  const ShardSet& shards_;
  const RegionWatch& watch_;
};

}  // namespace hongbao
