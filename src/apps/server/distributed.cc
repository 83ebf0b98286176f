#include "apps/server/distributed.h"

#include <boost/json/serialize.hpp>
#include <thread>

#include "apps/mariadb_layout.h"
#include "apps/node_identity.h"
#include "apps/server/engine_watch.h"
#include "apps/server/node_certificate.h"
#include "apps/server/shared_engines.h"
#include "base/log.h"
#include "net/link/peer_server.h"
#include "routing/peer_node_link.h"
#include "routing/placement.h"
#include "service/periodic.h"

namespace hongbao {
namespace {

uint64_t shared_descriptors(const Settings& settings) {
  constexpr uint64_t kOtherNodes = 256;   // links to them, and from them
  constexpr uint64_t kOtherEngines = 32;  // Redis, NATS
  uint64_t connections = 0;
  for (const MariadbLayout::UsedServer& server : MariadbLayout(settings).servers()) {
    connections += server.connections;
  }
  return connections + kOtherEngines + kOtherNodes;
}

class OtherNodes final : public Neighbours {
 public:
  OtherNodes(const Settings& settings, NodeCertificate& certificate, const Placement& placement, const Clock& clock,
             const NodeServices& services, prometheus::Registry& registry)
      : settings_(settings),
        services_(services),
        certificate_(certificate),
        io_({certificate.tls(), node_domain(settings.region)}, PeerLimits()),
        peers_(io_),
        link_(peers_, io_),
        routes_(services.shards, placement, settings.region),
        forwarder_([this](ShardId shard) { return routes_.find(shard); },
                   [this](const PacketCall& call, Done<PacketAnswer> done) {
                     services_.use_cases.calls.carry_out(call, std::move(done));
                   },
                   link_, link_, clock, ForwarderLimits(), registry),
        server_(io_, [this](const PeerRequest& request, PeerReply reply) { answer(request, std::move(reply)); }),
        look_around_(RegionWatch::kEvery, [this] {
          certificate_.renew(io_);
          services_.region.look_at_neighbours();
        }) {}

  [[nodiscard]] Forwarder* forwarder() override { return &forwarder_; }
  [[nodiscard]] PeerPool* peers() override { return &peers_; }

  Result<void> bind() override {
    const auto at = server_.bind(settings_.node_listen);
    return at ? Result<void>() : std::unexpected(Error{at.error().code, at.error().detail, "node.listen"});
  }
  void start() override {
    server_.start();
    look_around_.start();
    is_started_ = true;
  }

  void send_clients_away() override {
    services_.public_api.close_connections();
    std::this_thread::sleep_for(settings_.leave_pause);
  }
  void refuse_if_alone() override {}  // the other nodes answer, and a refusal would be a loss
  [[nodiscard]] bool owes_answers() override { return server_.owes_answers(); }
  void stop() override {
    if (is_started_) {
      server_.stop();
    }
    io_.stop();
    look_around_.stop();
  }
  void settle_if_alone() override {}

 private:
  void answer(const PeerRequest& request, PeerReply reply);

  const Settings& settings_;
  const NodeServices services_;
  NodeCertificate& certificate_;
  PeerIo io_;
  PeerPool peers_;
  PeerNodeLink link_;
  const Routes routes_;
  Forwarder forwarder_;
  PeerServer server_;
  Periodic look_around_;
  bool is_started_ = false;
};

void OtherNodes::answer(const PeerRequest& request, PeerReply reply) {
  switch (static_cast<LinkKind>(request.kind)) {
    case LinkKind::kPacketCall:
      answer_packet_call(request, std::move(reply), [this](PacketCall call, Done<PacketAnswer> done) {
        services_.public_api.answer_peer(std::move(call), std::move(done));
      });
      return;
    case LinkKind::kNodeReport:
      reply.send(boost::json::serialize(services_.region.own()));
      return;
  }
  reply.fail();
}

class SharedTenancy final : public Tenancy {
 public:
  SharedTenancy(const Settings& settings, NodeCertificate& certificate, const ShardSet& shards,
                std::vector<Placement::Group> groups, const PlacementOptions& options, const Clock& clock,
                prometheus::Registry& registry)
      : settings_(settings),
        certificate_(certificate),
        shards_(shards),
        clock_(clock),
        registry_(registry),
        placement_(shards, std::move(groups), options),
        beats_(settings.beat_interval, [this] { beat(); }) {}

  [[nodiscard]] const Ownership& ownership() const override { return placement_; }
  // Those that the other nodes leave to this one, as they become free.
  Result<void> take(MustEnd must_end) override {
    must_end_ = std::move(must_end);
    for (const ShardId id : shards_.ids()) {
      shards_.find(id)->start();
    }
    if (auto placed = placement_.step(); !placed) {
      return placed;
    }
    beats_.start();
    return {};
  }
  void leave() override {
    beats_.stop();
    placement_.leave();
  }
  std::unique_ptr<Neighbours> make_neighbours(const NodeServices& services) override {
    return std::make_unique<OtherNodes>(settings_, certificate_, placement_, clock_, services, registry_);
  }

 private:
  void beat();

  const Settings& settings_;
  NodeCertificate& certificate_;
  const ShardSet& shards_;
  const Clock& clock_;
  prometheus::Registry& registry_;
  Placement placement_;
  MustEnd must_end_;
  bool is_ending_ = false;  // the beats' own
  Periodic beats_;
};

void SharedTenancy::beat() {
  const auto placed = placement_.step();
  if (placed || is_ending_) {
    return;
  }
  is_ending_ = true;
  log_error(placed.error().code == ErrorCode::kFenced ? "node_replaced" : "node_differs",
            {{"node", settings_.node_name}, {"key", placed.error().field}, {"error", placed.error().detail}});
  must_end_(placed.error());
}

class DistributedDeployment final : public Deployment {
 public:
  DistributedDeployment(const Settings& settings, const Clock& clock, prometheus::Registry& registry,
                        std::unique_ptr<NodeCertificate> certificate, SharedEngines shared)
      : settings_(settings),
        clock_(clock),
        registry_(registry),
        incarnation_(static_cast<uint64_t>(clock.now().unix_ms)),
        certificate_(std::move(certificate)),
        shared_(std::move(shared)) {}

  [[nodiscard]] Engines& engines() override { return shared_.engines; }
  void watch_engines(RegionWatch& watch) const override { watch_shared_engines(settings_, shared_, watch); }
  [[nodiscard]] std::string node_name() const override { return settings_.node_name; }
  [[nodiscard]] ShardOptions shard_options() const override {
    ShardOptions options = settings_.shard;
    options.owner = {settings_.node_name, incarnation_};
    options.lease = settings_.placement.lease;
    return options;
  }
  // A database server has room for users and followers.
  [[nodiscard]] FollowLoop::Busy followers_rest(const ShardSet&) const override {
    return [] { return false; };
  }
  std::unique_ptr<Tenancy> make_tenancy(const ShardSet& shards) override;
  std::unique_ptr<BackupJob> make_backup_job(const LedgerSet&) override { return nullptr; }  // the servers' own are

 private:
  const Settings& settings_;
  const Clock& clock_;
  prometheus::Registry& registry_;
  const uint64_t incarnation_;  // of a process that starts now
  const std::unique_ptr<NodeCertificate> certificate_;
  SharedEngines shared_;
};

std::unique_ptr<Tenancy> DistributedDeployment::make_tenancy(const ShardSet& shards) {
  std::vector<Placement::Group> groups;
  for (const SharedEngines::Members& members : shared_.members) {
    groups.push_back({members.membership.get(), members.shards, members.facts});
  }
  PlacementOptions options = settings_.placement;
  options.self = {settings_.node_name, settings_.node_address};
  options.incarnation = incarnation_;
  options.beats_failed = &add_beats_failed(registry_);
  return std::make_unique<SharedTenancy>(settings_, *certificate_, shards, std::move(groups), options, clock_,
                                         registry_);
}

Result<std::unique_ptr<Deployment>> open_distributed(const Settings& settings, const KeyRing& keys, const Clock& clock,
                                                     prometheus::Registry& registry) {
  auto certificate = NodeCertificate::open(settings, clock, registry);
  if (!certificate) {
    return std::unexpected(certificate.error());
  }
  auto shared = open_shared_engines(settings, keys, registry);
  if (!shared) {
    return std::unexpected(shared.error());
  }
  return std::make_unique<DistributedDeployment>(settings, clock, registry, std::move(*certificate),
                                                 std::move(*shared));
}

}  // namespace

const DeploymentKind kDistributed{.descriptors_needed = shared_descriptors, .open = open_distributed};

}  // namespace hongbao
