#include "apps/node.h"

#include <fmt/format.h>
#include <unistd.h>

#include "apps/data_checks.h"
#include "base/log.h"
#include "edge/problem.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

// Subkeys of the master key; a number once given is never given to another purpose.
enum KeyPurpose : uint64_t { kPacketTag = 1, kTicket = 2, kPayToken = 3, kPageToken = 4, kKeyId = 5 };
constexpr char kKeyContext[9] = "hongbao_";

constexpr size_t kReadsWaitingMax = 4'096;
constexpr size_t kAdminCallsWaitingMax = 64;
constexpr size_t kCommandsWaitingAtPeak = 8;  // for any writer; a quiet server has none
constexpr std::chrono::seconds kFlushMax{30};
constexpr std::chrono::milliseconds kPollEvery{5};

bool everything_is_owned(ShardId) {
  return true;
}

std::string owner_name() {
  char host[256] = {};
  (void)gethostname(host, sizeof host - 1);
  return fmt::format("{}:{}", host, getpid());
}

ShardOptions with_owner(ShardOptions options) {
  options.owner = owner_name();
  return options;
}

}  // namespace

Result<Node::Stores> Node::open_stores(const Settings& settings) {
  auto dir = DataDir::lock(settings.data_dir);
  if (!dir) {
    return std::unexpected(dir.error());
  }
  Stores stores{.dir = std::move(*dir)};
  std::set<ShardId> ids;
  for (uint16_t number = 0; number < settings.shard_count; ++number) {
    ids.insert({settings.region, number});
  }
  if (auto fits = check_shards(settings.data_dir, ids); !fits) {
    return std::unexpected(fits.error());
  }
  if (auto fits = check_master_key(stores.dir, derive_key128(settings.master_key, kKeyId, kKeyContext)); !fits) {
    return std::unexpected(fits.error());
  }
  for (const ShardId id : ids) {
    auto store = SqliteOrderStore::open(order_file(settings.data_dir, id), id);
    if (!store) {
      return std::unexpected(store.error());
    }
    stores.orders.emplace(id, std::move(*store));
  }
  auto ledger = SqliteLedgerStore::open(settings.data_dir + "/ledger.db");
  if (!ledger) {
    return std::unexpected(ledger.error());
  }
  stores.ledger = std::move(*ledger);
  auto inbox = SqliteInboxStore::open(settings.data_dir + "/inbox.db");
  if (!inbox) {
    return std::unexpected(inbox.error());
  }
  stores.inbox = std::move(*inbox);
  if (auto synced = stores.dir.sync(); !synced) {
    return std::unexpected(synced.error());
  }
  return stores;
}

std::map<ShardId, OrderStore*> Node::pointers(const Stores& stores) {
  std::map<ShardId, OrderStore*> orders;
  for (const auto& [id, store] : stores.orders) {
    orders.emplace(id, store.get());
  }
  return orders;
}

Result<std::unique_ptr<Node>> Node::create(const Settings& settings) {
  auto stores = open_stores(settings);
  if (!stores) {
    return std::unexpected(stores.error());
  }
  return std::unique_ptr<Node>(new Node(settings, std::move(*stores)));
}

Node::Node(const Settings& settings, Stores stores)
    : settings_(settings),
      stores_(std::move(stores)),
      orders_(pointers(stores_)),
      ids_(derive_key128(settings.master_key, kPacketTag, kKeyContext)),
      tickets_(derive_key128(settings.master_key, kTicket, kKeyContext)),
      pay_tokens_(derive_key(settings.master_key, kPayToken, kKeyContext)),
      page_tokens_(derive_key128(settings.master_key, kPageToken, kKeyContext)),
      authenticator_(settings.jwt_secret),
      cache_(clock_, settings.cache_bytes_max),
      control_(TrafficWeights{{settings.region, 100}}),
      stream_(orders_),
      shards_(make_shards()),
      ledger_writer_(*stores_.ledger, clock_, settings.ledger, registry_),
      workers_(settings.workers, kReadsWaitingMax),
      admin_workers_(1, kAdminCallsWaitingMax),
      settler_(orders_, stream_, *stores_.ledger, ledger_writer_, control_, everything_is_owned,
               settings.settlement_batch_vouchers_max, registry_),
      inbox_feed_(orders_, stream_, *stores_.inbox, everything_is_owned, settings.settlement_batch_vouchers_max),
      refunder_(shards_, orders_, clock_),
      reconciler_(shards_, *stores_.ledger, ledger_writer_, pay_tokens_, clock_, settings.reconciler),
      audit_(*stores_.ledger, orders_, clock_),
      audit_difference_(add_gauge(registry_, "hongbao_conservation_difference_fen",
                                  "Difference of the last audit's equations; anything but 0 is an alarm.")),
      settlement_lag_(add_gauge(registry_, "hongbao_settlement_lag_vouchers", "Vouchers not settled yet.")),
      refunds_(settings.refunds_interval,
               [this] { (void)ask<size_t>([&](auto done) { refunder_.step(std::move(done)); }).get(); }),
      reconciliation_(settings.reconciliation_interval,
                      [this] {
                        measure_lag();
                        reconcile();
                      }),
      auditing_(settings.audit_interval, [this] { run_audit(); }),
      pre_orders_(cache_, pay_tokens_, ids_, settings.ordering.payable + settings.shard.engine.packet_ttl),
      residency_(shards_, pre_orders_),
      ordering_(shards_, pre_orders_, ledger_writer_, pay_tokens_, ids_, control_, clock_, random_, settings.ordering),
      opening_(shards_, residency_, tickets_, control_, clock_, settings.ticket_ttl),
      viewing_(residency_, pre_orders_, ids_),
      wallets_(*stores_.ledger, ledger_writer_, workers_, clock_),
      public_api_({ordering_, opening_, viewing_, wallets_, *stores_.inbox, workers_, ids_, page_tokens_,
                   authenticator_, control_, clock_},
                  settings.api, registry_),
      admin_api_({shards_, wallets_, audit_, reconciler_, *stores_.ledger, *stores_.inbox, admin_workers_, control_,
                  ids_, registry_},
                 {settings.admin_token, settings.region, settings.api.command_timeout}),
      public_server_(
          settings.http, settings.io_threads,
          [this](const HttpRequest& request, Reply reply) { public_api_.handle(request, std::move(reply)); },
          [](http::status status) { return problem(status); }),
      admin_server_(
          settings.http, 1,
          [this](const HttpRequest& request, Reply reply) { admin_api_.handle(request, std::move(reply)); },
          [](http::status status) { return problem(status); }) {}

ShardSet Node::make_shards() {
  ShardSet shards;
  for (const auto& [id, store] : orders_) {
    shards.add(std::make_unique<Shard>(id, *store, stream_, clock_, with_owner(settings_.shard), registry_));
  }
  return shards;
}

Result<void> Node::start() {
  const auto listeners = bind_listeners();
  if (!listeners) {
    return std::unexpected(listeners.error());
  }
  for (const ShardId id : shards_.ids()) {
    if (auto acquired = shards_.find(id)->acquire(); !acquired) {
      return acquired;
    }
    shards_.find(id)->start();
  }
  if (auto prepared = settler_.prepare(); !prepared) {
    return prepared;
  }
  if (auto prepared = inbox_feed_.prepare(); !prepared) {
    return prepared;
  }
  ledger_writer_.start();
  workers_.start();
  admin_workers_.start();
  const auto busy = [this] { return shards_.commands_waiting() >= kCommandsWaitingAtPeak; };
  settler_.start(busy);
  inbox_feed_.start(busy);
  refunds_.start();
  reconciliation_.start();
  auditing_.start();
  running_ = true;
  admin_server_.start();
  public_server_.start();
  admin_api_.set_ready(true);
  log_info("listening", {{"public", listeners->public_at}, {"admin", listeners->admin_at}});
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
  const auto public_at = public_server_.bind(settings_.public_listen);
  if (!public_at) {
    return named(public_at.error(), "server.listen");
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
    const auto cursor = stores_.ledger->cursor(id);
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
      const auto cursor = stores_.ledger->cursor(id);
      const auto inbox = stores_.inbox->cursor(id);
      behind = behind || !head || !cursor || !inbox || *cursor < head->next_voucher || *inbox < head->next_voucher;
    }
    if (!behind || !control_.is_on(Switch::kSettlement)) {
      return;
    }
    std::this_thread::sleep_for(kPollEvery);
  }
  log_warn("flush_incomplete");
}

void Node::stop() {
  if (running_) {
    log_info("stopping");
  }
  admin_api_.set_ready(false);
  public_server_.stop_accepting();
  public_api_.refuse_all();
  const auto give_up = std::chrono::steady_clock::now() + settings_.drain_timeout;
  while (public_server_.owes_answers() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(kPollEvery);
  }
  refunds_.stop();
  reconciliation_.stop();
  auditing_.stop();
  for (const ShardId id : shards_.ids()) {
    shards_.find(id)->stop();
  }
  if (running_) {
    flush_followers();
  }
  settler_.stop();
  inbox_feed_.stop();
  ledger_writer_.stop();
  workers_.stop();
  admin_workers_.stop();
  admin_server_.stop();
  public_server_.stop();
  if (running_) {
    log_info("stopped");
  }
}

}  // namespace hongbao
