// What differs between a server that has a deployment to itself and one of several nodes: where its engines are, whose
// the shards are, and how it deals with its neighbours. A server asks these interfaces, and never which it is; only
// deployment_kind chooses. The owner's thread, if nothing else is said.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/admin/region_status.h"
#include "api/public/public_api.h"
#include "apps/server/engines.h"
#include "apps/settings.h"
#include "routing/forwarder.h"
#include "service/backup_job.h"
#include "service/region_watch.h"

namespace hongbao {

// What neighbours are answered from. The last two are not built yet when it is made.
struct NodeServices {
  const ShardSet& shards;
  UseCases& use_cases;
  PublicApi& public_api;
  RegionStatus& region;
};

// Those who have the other shards, or nobody.
class Neighbours {
 public:
  virtual ~Neighbours() = default;

  // Brings calls to them. Null: there are none, and no call belongs elsewhere.
  [[nodiscard]] virtual Forwarder* forwarder() = 0;
  [[nodiscard]] virtual PeerPool* peers() = 0;  // null: there are none

  // An error names the key of the address.
  virtual Result<void> bind() = 0;
  // Answers them from now on, and asks how they are when this node is in trouble. REQUIRES: bound.
  virtual void start() = 0;

  // A stop, step by step. They have the shards now: clients go there, and what still comes is forwarded for a while.
  virtual void send_clients_away() = 0;
  // No connection is accepted any more. What still comes on those that there are is refused, if nobody else answers it.
  virtual void refuse_if_alone() = 0;
  // They wait for this node.
  [[nodiscard]] virtual bool owes_answers() = 0;
  virtual void stop() = 0;
  // The shards have stopped. Waits until all that they wrote is settled and listed, if nobody else does that.
  virtual void settle_if_alone() = 0;
};

// How this process comes by its shards, and gives them up.
class Tenancy {
 public:
  virtual ~Tenancy() = default;

  [[nodiscard]] virtual const Ownership& ownership() const = 0;
  // This process may have no shards any more, and has to end. Called once at most, on a thread of its own.
  using MustEnd = std::function<void(const Error& why)>;
  // Starts the shards, and takes those that are this process's now.
  virtual Result<void> take(MustEnd must_end) = 0;
  // Takes none any more, and gives them to others, if there are any.
  virtual void leave() = 0;

  // All outlive them.
  virtual std::unique_ptr<Neighbours> make_neighbours(const NodeServices& services) = 0;
};

class Deployment {
 public:
  virtual ~Deployment() = default;

  [[nodiscard]] virtual Engines& engines() = 0;
  // Adds the engines' servers. It outlives the watch.
  virtual void watch_engines(RegionWatch& watch) const = 0;
  // What operators know this server by.
  [[nodiscard]] virtual std::string node_name() const = 0;
  [[nodiscard]] virtual ShardOptions shard_options() const = 0;
  // When the followers leave the machine to users. Any thread; `shards` outlive it.
  [[nodiscard]] virtual FollowLoop::Busy followers_rest(const ShardSet& shards) const = 0;
  // All outlive them. Null: backups are not made here.
  virtual std::unique_ptr<Tenancy> make_tenancy(const ShardSet& shards) = 0;
  virtual std::unique_ptr<BackupJob> make_backup_job(const LedgerSet& ledgers) = 0;
};

struct DeploymentKind {
  // File descriptors for engines and neighbours, at most.
  uint64_t (*descriptors_needed)(const Settings& settings);
  // Opens the engines. kConfig when one can't be used. All outlive the deployment.
  Result<std::unique_ptr<Deployment>> (*open)(const Settings& settings, const KeyRing& keys, const Clock& clock,
                                              prometheus::Registry& registry);
};

// The one that the settings ask for.
const DeploymentKind& deployment_kind(const Settings& settings);

}  // namespace hongbao
