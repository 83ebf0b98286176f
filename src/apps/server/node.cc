#include "apps/server/node.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "adapters/sqlite/admin_journal_store.h"
#include "api/problem.h"
#include "api/public/answer_size.h"
#include "apps/server/descriptor_needs.h"
#include "base/log.h"

namespace hongbao {
namespace {

constexpr size_t kReadsWaitingMax = 4'096;
constexpr size_t kAdminCallsWaitingMax = 64;
constexpr size_t kStatusThreads = 2;
// How long after a lease a node that its databases do not answer asks others whether they are answered.
constexpr std::chrono::seconds kCutOffGrace{2};
constexpr std::chrono::milliseconds kPollEvery{5};
constexpr std::chrono::milliseconds kTokensLookEvery{500};

UseCaseOptions use_case_options(const Settings& settings) {
  return {.ledgers = settings.ledgers,
          .ledger = settings.ledger,
          .follower_batch_vouchers_max = settings.settlement_batch_vouchers_max,
          .reconciler = settings.reconciler,
          .archive = settings.archive,
          .ordering = settings.ordering,
          .packet_ttl = settings.shard.engine.packet_ttl,
          .ticket_ttl = settings.ticket_ttl,
          .deposits_daily_max = settings.deposits_daily_max};
}

// Of the listeners that few ask.
HttpLimits small_limits(const Settings& settings) {
  HttpLimits limits = settings.http;
  limits.connections_max = std::min(limits.connections_max, kSmallConnectionsMax);
  return limits;
}

}  // namespace

Node::Workers::Workers(const Settings& settings)
    : users(settings.workers, kReadsWaitingMax, settings.api.command_timeout),
      admin(1, kAdminCallsWaitingMax),
      control(1, kAdminCallsWaitingMax),
      status(kStatusThreads, kAdminCallsWaitingMax) {}

void Node::Workers::start() {
  users.start();
  admin.start();
  control.start();
  status.start();
}

void Node::Workers::stop() {
  users.stop();
  admin.stop();
  control.stop();
  status.stop();
}

Result<std::unique_ptr<Node>> Node::create(const Settings& settings) {
  auto registry = std::make_unique<prometheus::Registry>();
  auto keys = std::make_unique<MasterKeys>(settings, system_clock(), *registry);
  auto deployment = deployment_kind(settings).open(settings, keys->ring(), system_clock(), *registry);
  if (!deployment) {
    return std::unexpected(deployment.error());
  }
  auto journal = sqlite::AdminJournalStore::open(settings.admin_journal_file);
  if (!journal) {
    return fail(ErrorCode::kConfig,
                fmt::format("names {}, which {}", settings.admin_journal_file, journal.error().detail),
                "admin.journal_file");
  }
  return std::unique_ptr<Node>(
      new Node(settings, std::move(registry), std::move(keys), std::move(*deployment), std::move(*journal)));
}

Node::Node(const Settings& settings, std::unique_ptr<prometheus::Registry> registry, std::unique_ptr<MasterKeys> keys,
           std::unique_ptr<Deployment> deployment, std::unique_ptr<AdminJournalStore> journal)
    : settings_(settings),
      clock_(system_clock()),
      registry_owner_(std::move(registry)),
      registry_(*registry_owner_),
      keys_(std::move(keys)),
      deployment_(std::move(deployment)),
      ports_(deployment_->engines().ports()),
      ids_({keys_->ring(), kPacketTag}),
      tickets_({keys_->ring(), kTicket}),
      pay_tokens_({keys_->ring(), kPayToken}),
      page_tokens_({keys_->ring(), kPageToken}),
      authenticator_(settings.auth),
      shards_(make_shards(ports_, clock_, deployment_->shard_options(), registry_)),
      tenancy_(deployment_->make_tenancy(shards_)),
      workers_(settings),
      metrics_(registry_, shards_, watch_),
      journal_store_(std::move(journal)),
      journal_(*journal_store_, clock_, {.bytes_max = settings.admin_journal_bytes_max}, registry_),
      admin_tokens_(settings.admin_tokens_file, registry_),
      token_watch_(kTokensLookEvery, [this] { admin_tokens_.look_again(); }),
      use_cases_(shards_, tenancy_->ownership(), ports_, {ids_, tickets_, pay_tokens_},
                 {clock_, clock_, random_, workers_.users, registry_}, use_case_options(settings)),
      backup_(deployment_->make_backup_job(use_cases_.ledgers)),
      schedule_(use_cases_, shards_, settings, registry_),
      neighbours_(tenancy_->make_neighbours({shards_, use_cases_, public_api_, region_})),
      region_(shards_, watch_, neighbours_->peers(),
              {.node = deployment_->node_name(),
               .cut_off_after = settings.placement.lease + kCutOffGrace,
               .can_serve = [this] { return tenancy_->ownership().can_serve(); }}),
      public_api_(
          {use_cases_.calls, use_cases_.ordering, use_cases_.profiles, use_cases_.wallets, use_cases_.inbox_lists, ids_,
           page_tokens_, authenticator_, ports_.control, clock_, neighbours_->forwarder()},
          settings.api, registry_),
      admin_api_({admin_tokens_, journal_, shards_, use_cases_.wallets, use_cases_.audit, use_cases_.reconciler,
                  use_cases_.archiver, backup_.get(), ports_.orders, region_, workers_.admin, workers_.status,
                  ports_.control, workers_.control, ids_, registry_},
                 {settings.deposit_max, settings.region, settings.api.command_timeout,
                  [this] { schedule_.archive_now(); }, [this] { metrics_.update(); }}),
      health_api_(region_, registry_),
      public_server_(
          settings.http, settings.io_threads,
          {[this](const HttpRequest& request, Reply reply) { public_api_.handle(request, std::move(reply)); }, problem,
           answer_size, count_problem}),
      admin_server_(
          small_limits(settings), 1,
          {.handler = [this](const HttpRequest& request, Reply reply) { admin_api_.handle(request, std::move(reply)); },
           .error_page = problem,
           .observer = count_problem}),
      health_server_(small_limits(settings), 1,
                     {.handler = [this](const HttpRequest& request,
                                        Reply reply) { health_api_.handle(request, std::move(reply)); },
                      .error_page = problem,
                      .observer = count_problem}) {
  if (!settings.auth.jwks_file.empty()) {
    token_key_file_.emplace(settings.auth.jwks_file, authenticator_, registry_);
  }
  deployment_->watch_engines(watch_);
}

Result<void> Node::start() {
  if (const auto loaded = admin_tokens_.load(); !loaded) {
    return fail(ErrorCode::kConfig,
                fmt::format("names {}, which {}", settings_.admin_tokens_file, loaded.error().detail),
                "admin.tokens_file");
  }
  const auto listeners = bind_listeners();
  if (!listeners) {
    return std::unexpected(listeners.error());
  }
  if (auto taken = tenancy_->take([this](const Error& why) { end(why); }); !taken) {
    return taken;
  }
  if (auto prepared = use_cases_.prepare(); !prepared) {
    return prepared;
  }
  use_cases_.ledgers.start();
  workers_.start();
  journal_.start();
  watch_.start();
  for (const auto& settler : use_cases_.settlers) {
    settler->start(deployment_->followers_rest(shards_));
  }
  use_cases_.inbox_feed.start(deployment_->followers_rest(shards_));
  schedule_.start();
  if (token_key_file_) {
    token_key_looks_.start();
  }
  token_watch_.start();
  running_ = true;
  neighbours_->start();
  health_server_.start();
  admin_server_.start();
  public_server_.start();
  region_.set_ready(!must_end_.load());
  log_info("listening",
           {{"public", listeners->public_at}, {"admin", listeners->admin_at}, {"health", listeners->health_at}});
  return {};
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
  const auto health_at = health_server_.bind(settings_.health_listen);
  if (!health_at) {
    return named(health_at.error(), "health.listen");
  }
  const auto public_at = public_server_.bind(settings_.public_listen);
  if (!public_at) {
    return named(public_at.error(), "server.listen");
  }
  if (auto bound = neighbours_->bind(); !bound) {
    return std::unexpected(bound.error());
  }
  return Listeners{*public_at, *admin_at, *health_at};
}

void Node::end(const Error& why) {
  why_it_ends_ = why;
  must_end_.store(true);
  region_.set_ready(false);
  (void)kill(getpid(), SIGTERM);  // the process: main waits for it, and this thread must not
}

std::optional<Error> Node::failure() const {
  return must_end_.load() ? std::optional(why_it_ends_) : std::nullopt;
}

void Node::stop() {
  if (running_) {
    log_info("stopping");
  }
  region_.set_ready(false);
  use_cases_.archiver.interrupt();
  if (backup_) {
    backup_->stop();
  }
  tenancy_->leave();
  if (running_) {
    neighbours_->send_clients_away();
  }
  public_server_.stop_accepting();
  drain();
  neighbours_->stop();
  schedule_.stop();
  token_key_looks_.stop();
  token_watch_.stop();
  watch_.stop();
  for (const ShardId id : shards_.ids()) {
    shards_.find(id)->stop();
  }
  if (running_) {
    neighbours_->settle_if_alone();
  }
  for (const auto& settler : use_cases_.settlers) {
    settler->stop();
  }
  use_cases_.inbox_feed.stop();
  use_cases_.ledgers.stop();
  workers_.stop();
  journal_.stop();
  admin_server_.stop();
  health_server_.stop();
  public_server_.stop();
  deployment_->engines().cache.reset();  // answers what still waits for it, while those who asked are there
  if (running_) {
    log_info("stopped");
  }
}

// Until every call that was taken has its answer, or for as long as may be.
void Node::drain() {
  neighbours_->refuse_if_alone();
  const auto give_up = std::chrono::steady_clock::now() + settings_.drain_timeout;
  while ((public_server_.owes_answers() || neighbours_->owes_answers()) && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(kPollEvery);
  }
  public_api_.refuse_all();
}

}  // namespace hongbao
