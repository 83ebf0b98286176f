// What operators and balancers are told: whether this node can be of use (/readyz), how its shards stand, and one view
// of the whole region from any node. Everything of this node comes from memory and waits for nothing; `region` asks the
// other nodes over the peer link, and looks at the engines anew, until its deadline.
//
// A node whose databases are silent stays ready: they are every node's, and a balancer without nodes would refuse even
// what the nodes still can answer. Only one that is cut off from what answers another node is not ready.
//
// Any thread; `shards`, `region` and `look_at_neighbours` block.
#pragma once

#include <atomic>
#include <boost/json/object.hpp>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/admin/region_view.h"
#include "net/link/peer_pool.h"
#include "service/region_watch.h"
#include "service/shard_set.h"

namespace hongbao {

struct RegionStatusOptions {
  std::string node;  // this one's name
  std::chrono::milliseconds cut_off_after{};
  std::function<bool()> can_serve;  // this process knows where every request belongs
};

class RegionStatus {
 public:
  // `peers`: none when there is only this node.
  RegionStatus(const ShardSet& shards, RegionWatch& watch, PeerPool* peers, RegionStatusOptions options)
      : shards_(shards), watch_(watch), peers_(peers), options_(std::move(options)) {}

  // Once all is started, until the stop begins or another process has this node's name.
  void set_ready(bool ready) { started_.store(ready); }

  struct Readiness {
    std::vector<std::string> reasons;   // why it is not ready
    std::vector<std::string> degraded;  // what is wrong though it is
    [[nodiscard]] bool is_ready() const { return reasons.empty(); }
  };
  [[nodiscard]] Readiness readiness() const;

  // This node's part of the view: what it answers to LinkKind::kNodeReport.
  [[nodiscard]] boost::json::object own() const;
  // Every shard of the deployment, as this node knows it.
  [[nodiscard]] boost::json::array shards(SteadyTime deadline);
  // All of it; `ok` is false when something is wrong, and `troubles` says what.
  [[nodiscard]] boost::json::object region(SteadyTime deadline);

  // To be called every second or so: while an engine does not answer this node, learns whether it answers others.
  void look_at_neighbours();

 private:
  using Asked = std::map<std::string, std::future<Result<std::string>>>;
  // All that live and are not among `known`.
  [[nodiscard]] Asked ask_others(const RegionFacts& facts, SteadyTime deadline, const NodeReports& known);
  static void collect(Asked asked, SteadyTime deadline, NodeReports& reports);
  void ask_again(const RegionFacts& facts, NodeReports& reports);
  [[nodiscard]] std::vector<std::string> shard_troubles() const;

  const ShardSet& shards_;
  RegionWatch& watch_;
  PeerPool* const peers_;
  const RegionStatusOptions options_;
  std::atomic<bool> started_{false};
  mutable std::mutex mutex_;
  std::string cut_off_;  // from what, and who is not; guarded by mutex_
};

}  // namespace hongbao
