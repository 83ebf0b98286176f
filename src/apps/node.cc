#include "apps/node.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <csignal>

#include "apps/backup.h"
#include "apps/descriptor_needs.h"
#include "apps/engine_watch.h"
#include "base/log.h"
#include "edge/problem.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

constexpr size_t kReadsWaitingMax = 4'096;
constexpr size_t kAdminCallsWaitingMax = 64;
constexpr size_t kStatusThreads = 2;
// How long after a lease a node that its databases do not answer asks others whether they are answered.
constexpr std::chrono::seconds kCutOffGrace{2};
constexpr std::chrono::seconds kFlushMax{30};
constexpr std::chrono::milliseconds kPollEvery{5};

ShardOptions shard_options(const Settings& settings) {
  ShardOptions options = settings.shard;
  if (settings.distributed) {
    options.owner = {settings.node_name, settings.placement.incarnation};
    options.lease = settings.placement.lease;
  } else {
    options.owner = "embedded";  // whatever process has the data directory
  }
  return options;
}

// Of a process that starts now.
Settings starting_now(Settings settings, const Clock& clock) {
  settings.placement.self = {settings.node_name, settings.node_address};
  settings.placement.incarnation = static_cast<uint64_t>(clock.now().unix_ms);
  return settings;
}

PlacementOptions placement_options(const Settings& settings, prometheus::Registry& registry) {
  PlacementOptions options = settings.placement;
  options.beats_failed = &add_beats_failed(registry);
  return options;
}

HttpLimits admin_limits(const Settings& settings) {
  HttpLimits limits = settings.http;
  limits.connections_max = std::min(limits.connections_max, kAdminConnectionsMax);
  return limits;
}

}  // namespace

Result<std::unique_ptr<Node>> Node::create(const Settings& settings) {
  auto registry = std::make_unique<prometheus::Registry>();
  auto engines = open_engines(settings, system_clock(), *registry);
  if (!engines) {
    return std::unexpected(engines.error());
  }
  return std::unique_ptr<Node>(new Node(settings, std::move(registry), std::move(*engines)));
}

Node::Node(const Settings& settings, std::unique_ptr<prometheus::Registry> registry, Engines engines)
    : settings_(starting_now(settings, system_clock())),
      clock_(system_clock()),
      registry_owner_(std::move(registry)),
      registry_(*registry_owner_),
      engines_(std::move(engines)),
      orders_(engines_.order_stores()),
      ids_(derive_key128(settings.master_key, kPacketTag, kKeyContext)),
      tickets_(derive_key128(settings.master_key, kTicket, kKeyContext)),
      pay_tokens_(derive_key(settings.master_key, kPayToken, kKeyContext)),
      page_tokens_(derive_key128(settings.master_key, kPageToken, kKeyContext)),
      authenticator_(settings.auth),
      shards_(make_shards()),
      placement_(shards_, placement_groups(), placement_options(settings_, registry_)),
      sole_owner_(shards_),
      ownership_(settings.distributed ? static_cast<const Ownership&>(placement_) : sole_owner_),
      ledger_writer_(*engines_.ledger, clock_, settings.ledger, registry_),
      workers_(settings.workers, kReadsWaitingMax, settings.api.command_timeout),
      admin_workers_(1, kAdminCallsWaitingMax),
      control_workers_(1, kAdminCallsWaitingMax),
      status_workers_(kStatusThreads, kAdminCallsWaitingMax),
      metrics_(registry_, shards_, watch_),
      settler_(orders_, *engines_.stream, *engines_.ledger, ledger_writer_, *engines_.control, ownership_,
               settings.settlement_batch_vouchers_max, registry_),
      inbox_heads_(settings.distributed ? std::make_unique<InboxHeads>(*engines_.cache, ids_, clock_, registry_)
                                        : nullptr),
      inbox_feed_(orders_, *engines_.stream, *engines_.inbox, inbox_heads_.get(), ownership_,
                  settings.settlement_batch_vouchers_max),
      refunder_(shards_, orders_, clock_),
      reconciler_(shards_, *engines_.ledger, ledger_writer_, pay_tokens_, clock_, settings.reconciler),
      audit_(*engines_.ledger, orders_, clock_),
      archiver_(
          shards_, orders_, *engines_.ledger, *engines_.inbox, clock_, settings.archive,
          [this] { return shards_.are_at_peak(); }, registry_),
      backup_(settings.distributed ? nullptr : make_backup_job()),
      audit_difference_(add_gauge(registry_, "hongbao_conservation_difference_fen",
                                  "Difference of the last audit's equations; anything but 0 is an alarm.")),
      settlement_lag_(add_gauge(registry_, "hongbao_settlement_lag_vouchers", "Vouchers not settled yet.")),
      beats_(settings.beat_interval, [this] { beat(); }),
      refunds_(settings.refunds_interval,
               [this] { (void)ask<size_t>([&](auto done) { refunder_.step(std::move(done)); }).get(); }),
      reconciliation_(settings.reconciliation_interval,
                      [this] {
                        measure_lag();
                        reconcile();
                      }),
      auditing_(settings.audit_interval, [this] { run_audit(); }),
      archiving_(settings.archive_interval, [this] { archiver_.step(); }),
      neighbours_(RegionWatch::kEvery, [this] { region_.look_at_neighbours(); }),
      pre_orders_(*engines_.cache, pay_tokens_, ids_, settings.ordering.payable + settings.shard.engine.packet_ttl,
                  clock_, registry_, engines_.greetings.get()),
      finished_packets_(
          settings.distributed ? std::make_unique<FinishedPackets>(*engines_.cache, ids_, clock_, registry_) : nullptr),
      profiles_(*engines_.cache, clock_, registry_),
      residency_(shards_, pre_orders_),
      ordering_(shards_, pre_orders_, ledger_writer_, pay_tokens_, ids_, *engines_.control, clock_, random_, ownership_,
                settings.ordering),
      opening_(shards_, residency_, tickets_, *engines_.control, clock_, settings.ticket_ttl),
      viewing_(residency_, pre_orders_, finished_packets_.get(), profiles_, ids_),
      calls_(ordering_, opening_, viewing_, ids_),
      inbox_lists_(*engines_.inbox, workers_, inbox_heads_.get()),
      wallets_(*engines_.ledger, ledger_writer_, workers_, clock_),
      peer_io_(derive_key(settings.master_key, kPeerLink, kKeyContext), PeerLimits()),
      peers_(peer_io_),
      node_link_(peers_, peer_io_),
      routes_(shards_, placement_, settings.region),
      forwarder_([this](ShardId shard) { return routes_.find(shard); },
                 [this](const PacketCall& call, Done<PacketAnswer> done) { calls_.carry_out(call, std::move(done)); },
                 node_link_, node_link_, clock_, ForwarderLimits(), registry_),
      region_(shards_, watch_, settings.distributed ? &peers_ : nullptr,
              {.node = settings.distributed ? settings.node_name : "embedded",
               .cut_off_after = settings.placement.lease + kCutOffGrace,
               .can_serve = [this] { return ownership_.can_serve(); }}),
      public_api_({calls_, ordering_, profiles_, wallets_, inbox_lists_, ids_, page_tokens_, authenticator_,
                   *engines_.control, clock_, settings.distributed ? &forwarder_ : nullptr},
                  settings.api, registry_),
      admin_api_({shards_, wallets_, audit_, reconciler_, archiver_, backup_.get(), orders_, region_, admin_workers_,
                  status_workers_, *engines_.control, control_workers_, ids_, registry_},
                 {settings.admin_token, settings.region, settings.api.command_timeout, [this] { archiving_.run_now(); },
                  [this] { metrics_.update(); }}),
      peer_server_(peer_io_,
                   [this](const PeerRequest& request, PeerReply reply) { answer_peer(request, std::move(reply)); }),
      public_server_(
          settings.http, settings.io_threads,
          [this](const HttpRequest& request, Reply reply) { public_api_.handle(request, std::move(reply)); },
          [](const Error& error) { return problem(error); }),
      admin_server_(
          admin_limits(settings), 1,
          [this](const HttpRequest& request, Reply reply) { admin_api_.handle(request, std::move(reply)); },
          [](const Error& error) { return problem(error); }) {
  watch_engines(settings_, engines_, watch_);
}

void Node::answer_peer(const PeerRequest& request, PeerReply reply) {
  switch (static_cast<LinkKind>(request.kind)) {
    case LinkKind::kPacketCall:
      answer_packet_call(request, std::move(reply), [this](const PacketCall& call, Done<PacketAnswer> done) {
        public_api_.answer_peer(call, std::move(done));
      });
      return;
    case LinkKind::kNodeReport:
      reply.send(boost::json::serialize(region_.own()));
      return;
  }
  reply.fail();
}

ShardSet Node::make_shards() {
  ShardSet shards;
  for (const auto& [id, store] : orders_) {
    shards.add(std::make_unique<Shard>(id, *store, *engines_.stream, clock_, shard_options(settings_), registry_));
  }
  return shards;
}

std::vector<Placement::Group> Node::placement_groups() {
  std::vector<Placement::Group> groups;
  for (const Engines::Members& members : engines_.members) {
    groups.push_back({members.membership.get(), members.shards, members.facts});
  }
  return groups;
}

std::unique_ptr<BackupJob> Node::make_backup_job() {
  const HoldLedger hold = [this](std::move_only_function<void()> job) {
    return ask<void>([&](auto done) { ledger_writer_.between_commits(std::move(job), std::move(done)); }).get();
  };
  return std::make_unique<BackupJob>(
      [source = BackupSource{settings_.data_dir, settings_.shard_ids()}, hold](const std::string& directory,
                                                                               const BackupJob::Progress& progress) {
        return back_up(source, directory, hold, progress);
      },
      clock_);
}

Result<void> Node::start() {
  const auto listeners = bind_listeners();
  if (!listeners) {
    return std::unexpected(listeners.error());
  }
  if (auto taken = take_shards(); !taken) {
    return taken;
  }
  if (auto prepared = settler_.prepare(); !prepared) {
    return prepared;
  }
  if (auto prepared = inbox_feed_.prepare(); !prepared) {
    return prepared;
  }
  if (auto restored = pre_orders_.restore_greetings(); !restored) {
    return restored;
  }
  ledger_writer_.start();
  workers_.start();
  admin_workers_.start();
  control_workers_.start();
  status_workers_.start();
  watch_.start();
  // On one machine the peak is the users', and followers catch up behind it; a database server has room for both.
  const auto busy = [this] { return !settings_.distributed && shards_.are_at_peak(); };
  settler_.start(busy);
  inbox_feed_.start(busy);
  refunds_.start();
  reconciliation_.start();
  auditing_.start();
  archiving_.start();
  running_ = true;
  if (settings_.distributed) {
    peer_server_.start();
    neighbours_.start();
  }
  admin_server_.start();
  public_server_.start();
  admin_api_.set_ready(!must_end_.load());
  log_info("listening", {{"public", listeners->public_at}, {"admin", listeners->admin_at}});
  return {};
}

// Embedded: all of them, now. Distributed: those that the other nodes leave to this one, as they become free.
Result<void> Node::take_shards() {
  for (const ShardId id : shards_.ids()) {
    Shard& shard = *shards_.find(id);
    if (auto acquired = settings_.distributed ? Result<void>() : shard.acquire(); !acquired) {
      return acquired;
    }
    shard.start();
  }
  if (!settings_.distributed) {
    return {};
  }
  if (auto placed = placement_.step(); !placed) {
    return placed;
  }
  beats_.start();
  return {};
}

void Node::beat() {
  const auto placed = placement_.step();
  if (placed || must_end_.load()) {
    return;
  }
  log_error(placed.error().code == ErrorCode::kFenced ? "node_replaced" : "node_differs",
            {{"node", settings_.node_name}, {"key", placed.error().field}, {"error", placed.error().detail}});
  why_it_ends_ = placed.error();
  must_end_.store(true);
  admin_api_.set_ready(false);
  (void)kill(getpid(), SIGTERM);  // the process: main waits for it, and this thread must not
}

std::optional<Error> Node::failure() const {
  return must_end_.load() ? std::optional(why_it_ends_) : std::nullopt;
}

// First of all, so that an address that is taken stops the start before anything is touched.
Result<Node::Listeners> Node::bind_listeners() {
  const auto named = [](const Error& error, const char* key) {
    return std::unexpected(Error{error.code, error.detail, key});
  };
  const auto admin_at = admin_server_.bind(settings_.admin_listen);
  if (!admin_at) {
    return named(admin_at.error(), "admin.listen");
  }
  const auto public_at = public_server_.bind(settings_.public_listen);
  if (!public_at) {
    return named(public_at.error(), "server.listen");
  }
  const auto peer_at = settings_.distributed ? peer_server_.bind(settings_.node_listen) : Result<std::string>();
  if (!peer_at) {
    return named(peer_at.error(), "node.listen");
  }
  return Listeners{*public_at, *admin_at};
}

void Node::reconcile() {
  const auto report = ask<ReconciliationReport>([&](auto done) { reconciler_.step(std::move(done)); }).get();
  if (!report) {
    log_warn("reconciliation_failed", {{"error", report.error().detail}});
  }
}

void Node::measure_lag() {
  uint64_t lag = 0;
  for (const ShardId id : shards_.ids()) {
    const VoucherNo next = shards_.find(id)->status().next_voucher;
    const auto cursor = engines_.ledger->cursor(id);
    lag += cursor && *cursor < next ? next.value - cursor->value : 0;
  }
  settlement_lag_.Set(static_cast<double>(lag));
}

void Node::run_audit() {
  const auto report = audit_.run(/*deep=*/false);
  if (!report) {
    log_warn("audit_failed", {{"error", report.error().detail}});
    return;
  }
  audit_difference_.Set(static_cast<double>(report->difference().fen()));
  if (!report->balanced()) {
    log_error("audit_unbalanced", {{"difference", report->difference().fen()}});
  }
}

// Waits until the ledger has settled what the shards wrote, so that the next start begins with nothing behind.
void Node::flush_followers() {
  const auto give_up = std::chrono::steady_clock::now() + kFlushMax;
  while (std::chrono::steady_clock::now() < give_up) {
    bool behind = false;
    for (const auto& [id, store] : orders_) {
      const auto head = store->head();
      const auto cursor = engines_.ledger->cursor(id);
      const auto inbox = engines_.inbox->cursor(id);
      behind = behind || !head || !cursor || !inbox || *cursor < head->next_voucher || *inbox < head->next_voucher;
    }
    if (!behind || settler_.has_stopped() || !engines_.control->is_on(Switch::kSettlement)) {
      return;
    }
    std::this_thread::sleep_for(kPollEvery);
  }
  log_warn("flush_incomplete");
}

// The shards go to the other nodes, and what still comes here for them is forwarded until nobody sends any more.
void Node::hand_over() {
  beats_.stop();
  placement_.leave();
  if (running_) {
    public_api_.close_connections();
    std::this_thread::sleep_for(settings_.leave_pause);
  }
}

void Node::stop() {
  if (running_) {
    log_info("stopping");
  }
  admin_api_.set_ready(false);
  archiver_.interrupt();
  if (backup_) {
    backup_->stop();
  }
  if (settings_.distributed) {
    hand_over();
  }
  public_server_.stop_accepting();
  if (!settings_.distributed) {  // else the other nodes answer what still comes, and a refusal would be a loss
    public_api_.refuse_all();
  }
  const auto give_up = std::chrono::steady_clock::now() + settings_.drain_timeout;
  const auto owes_answers = [this] {
    return public_server_.owes_answers() || (settings_.distributed && peer_server_.owes_answers());
  };
  while (owes_answers() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(kPollEvery);
  }
  public_api_.refuse_all();
  if (settings_.distributed && running_) {
    peer_server_.stop();
  }
  peer_io_.stop();
  refunds_.stop();
  reconciliation_.stop();
  auditing_.stop();
  archiving_.stop();
  neighbours_.stop();
  watch_.stop();
  for (const ShardId id : shards_.ids()) {
    shards_.find(id)->stop();
  }
  if (running_ && !settings_.distributed) {
    flush_followers();
  }
  settler_.stop();
  inbox_feed_.stop();
  ledger_writer_.stop();
  workers_.stop();
  admin_workers_.stop();
  control_workers_.stop();
  status_workers_.stop();
  admin_server_.stop();
  public_server_.stop();
  engines_.cache.reset();  // answers what still waits for it, while those who asked are there
  if (running_) {
    log_info("stopped");
  }
}

}  // namespace hongbao
