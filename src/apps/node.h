// One server process put together. `create` opens the engines and builds every part, `start` brings them up from the
// stores to the listeners, `stop` takes them down the other way: hand over or refuse, drain, flush. The owner's thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/engines.h"
#include "apps/node_metrics.h"
#include "apps/settings.h"
#include "edge/admin_api.h"
#include "edge/http_server.h"
#include "edge/public_api.h"
#include "net/link/peer_server.h"
#include "routing/peer_node_link.h"
#include "service/archiver.h"
#include "service/audit.h"
#include "service/backup_job.h"
#include "service/inbox_feed.h"
#include "service/periodic.h"
#include "service/refunder.h"
#include "service/settler.h"

namespace hongbao {

class Node {
 public:
  // kConfig when an engine can't be used.
  static Result<std::unique_ptr<Node>> create(const Settings& settings);

  Result<void> start();
  // Why it must end, for which it sends its own process SIGTERM; nullopt while it may serve. Any thread.
  [[nodiscard]] std::optional<Error> failure() const;
  void stop();

 private:
  Node(const Settings& settings, std::unique_ptr<prometheus::Registry> registry, Engines engines);
  ShardSet make_shards();
  std::vector<Placement::Group> placement_groups();
  std::unique_ptr<BackupJob> make_backup_job();
  void answer_peer(const PeerRequest& request, PeerReply reply);
  Result<void> take_shards();
  void beat();
  void hand_over();
  struct Listeners {
    std::string public_at;
    std::string admin_at;
  };
  Result<Listeners> bind_listeners();
  void reconcile();
  void measure_lag();
  void run_audit();
  void flush_followers();

  const Settings settings_;
  const Clock& clock_;
  const std::unique_ptr<prometheus::Registry> registry_owner_;
  prometheus::Registry& registry_;
  Engines engines_;
  const std::map<ShardId, OrderStore*> orders_;
  SystemRandom random_;

  // Keys for each purpose, derived from the master key.
  const PacketIdCodec ids_;
  const TicketCodec tickets_;
  const PayTokenCodec pay_tokens_;
  const PageTokenCodec page_tokens_;
  const Authenticator authenticator_;

  ShardSet shards_;
  Placement placement_;  // distributed only
  const SoleOwner sole_owner_;
  const Ownership& ownership_;  // one of the two
  LedgerWriter ledger_writer_;
  WorkerPool workers_;          // reads for users
  WorkerPool admin_workers_;    // an audit may take long and must not hold up users …
  WorkerPool control_workers_;  // … nor those who set a switch, who may wait for NATS …
  WorkerPool status_workers_;   // … nor those who look what is wrong
  RegionWatch watch_;
  NodeMetrics metrics_;
  Settler settler_;
  const std::unique_ptr<InboxHeads> inbox_heads_;  // distributed only
  InboxFeed inbox_feed_;
  Refunder refunder_;
  Reconciler reconciler_;
  Audit audit_;
  Archiver archiver_;
  const std::unique_ptr<BackupJob> backup_;  // embedded only
  prometheus::Gauge& audit_difference_;
  prometheus::Gauge& settlement_lag_;
  Periodic beats_;
  Periodic refunds_;
  Periodic reconciliation_;
  Periodic auditing_;
  Periodic archiving_;
  Periodic neighbours_;  // distributed only

  PreOrders pre_orders_;
  const std::unique_ptr<FinishedPackets> finished_packets_;  // distributed only
  Profiles profiles_;
  Residency residency_;
  Ordering ordering_;
  Opening opening_;
  Viewing viewing_;
  const PacketCalls calls_;
  InboxLists inbox_lists_;
  Wallets wallets_;
  PeerIo peer_io_;
  PeerPool peers_;
  PeerNodeLink node_link_;
  const Routes routes_;
  Forwarder forwarder_;
  RegionStatus region_;
  PublicApi public_api_;
  AdminApi admin_api_;
  PeerServer peer_server_;
  HttpServer public_server_;
  HttpServer admin_server_;
  Error why_it_ends_{ErrorCode::kInternal};  // written once, before must_end_
  std::atomic<bool> must_end_{false};
  bool running_ = false;  // everything but the listeners was started
};

}  // namespace hongbao
