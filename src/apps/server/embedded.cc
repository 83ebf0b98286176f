#include "apps/server/embedded.h"

#include <thread>

#include "adapters/sqlite/cold_days.h"
#include "adapters/sqlite/reader_pool.h"
#include "apps/backup.h"
#include "apps/server/engine_watch.h"
#include "apps/server/local_engines.h"
#include "base/log.h"
#include "routing/placement.h"
#include "service/blocking.h"

namespace hongbao {
namespace {

constexpr std::chrono::seconds kFlushMax{30};
constexpr std::chrono::milliseconds kFlushPollEvery{5};

uint64_t local_descriptors(const Settings& settings) {
  // A database and its log for each connection, and their shared index.
  constexpr uint64_t kPerStore = 2 * (1 + kReadersPerStore) + 1;
  constexpr uint64_t kPerMove = 4;  // a day on its way: its file, a journal, the directory
  constexpr uint64_t kLedgerAndInbox = 2;
  return settings.shard_count * (kPerStore + sqlite::kOpenColdDaysMax + kPerMove) + kLedgerAndInbox * kPerStore;
}

class NoNeighbours final : public Neighbours {
 public:
  NoNeighbours(const NodeServices& services, Ports ports) : services_(services), ports_(std::move(ports)) {}

  [[nodiscard]] Forwarder* forwarder() override { return nullptr; }
  [[nodiscard]] PeerPool* peers() override { return nullptr; }
  Result<void> bind() override { return {}; }
  void start() override {}
  void send_clients_away() override {}
  void refuse_if_alone() override { services_.public_api.refuse_all(); }
  [[nodiscard]] bool owes_answers() override { return false; }
  void stop() override {}
  // So that the next start begins with nothing behind.
  void settle_if_alone() override;

 private:
  [[nodiscard]] bool are_followers_behind() const;

  const NodeServices services_;
  const Ports ports_;
};

bool has_settlement_stopped(const UseCases& use_cases) {
  return std::ranges::any_of(use_cases.settlers, [](const auto& settler) { return settler->has_stopped(); });
}

bool NoNeighbours::are_followers_behind() const {
  bool behind = false;
  for (const auto& [id, store] : ports_.orders) {
    const auto head = store->head();
    const auto is_behind = [&head](const Result<VoucherNo>& cursor) {
      return !head || !cursor || *cursor < head->next_voucher;
    };
    behind = behind || is_behind(ports_.inbox.cursor(id));
    for (const auto& [ledger, books] : ports_.ledgers) {
      behind = behind || is_behind(books->cursor(id));
    }
  }
  return behind;
}

void NoNeighbours::settle_if_alone() {
  const auto give_up = std::chrono::steady_clock::now() + kFlushMax;
  while (std::chrono::steady_clock::now() < give_up) {
    if (!are_followers_behind() || has_settlement_stopped(services_.use_cases) ||
        !ports_.control.is_on(Switch::kSettlement)) {
      return;
    }
    std::this_thread::sleep_for(kFlushPollEvery);
  }
  log_warn("flush_incomplete");
}

class SoleTenancy final : public Tenancy {
 public:
  SoleTenancy(const ShardSet& shards, const Engines& engines) : shards_(shards), engines_(engines), owner_(shards) {}

  [[nodiscard]] const Ownership& ownership() const override { return owner_; }
  // All of them, now.
  Result<void> take(MustEnd) override {
    for (const ShardId id : shards_.ids()) {
      Shard& shard = *shards_.find(id);
      if (auto acquired = shard.acquire(); !acquired) {
        return acquired;
      }
      shard.start();
    }
    return {};
  }
  void leave() override {}
  std::unique_ptr<Neighbours> make_neighbours(const NodeServices& services) override {
    return std::make_unique<NoNeighbours>(services, engines_.ports());
  }

 private:
  const ShardSet& shards_;
  const Engines& engines_;
  const SoleOwner owner_;
};

class EmbeddedDeployment final : public Deployment {
 public:
  EmbeddedDeployment(const Settings& settings, const Clock& clock, LocalEngines local)
      : settings_(settings), clock_(clock), local_(std::move(local)) {}

  [[nodiscard]] Engines& engines() override { return local_.engines; }
  void watch_engines(RegionWatch& watch) const override { watch_local_engines(settings_, local_.engines, watch); }
  [[nodiscard]] std::string node_name() const override { return "embedded"; }
  [[nodiscard]] ShardOptions shard_options() const override {
    ShardOptions options = settings_.shard;
    options.owner = "embedded";  // whatever process has the data directory
    return options;
  }
  // On one machine the peak is the users', and followers catch up behind it.
  [[nodiscard]] FollowLoop::Busy followers_rest(const ShardSet& shards) const override {
    return [&shards] { return shards.are_at_peak(); };
  }
  std::unique_ptr<Tenancy> make_tenancy(const ShardSet& shards) override {
    return std::make_unique<SoleTenancy>(shards, local_.engines);
  }
  std::unique_ptr<BackupJob> make_backup_job(const LedgerSet& ledgers) override;

 private:
  const Settings& settings_;
  const Clock& clock_;
  LocalEngines local_;
};

std::unique_ptr<BackupJob> EmbeddedDeployment::make_backup_job(const LedgerSet& ledgers) {
  LedgerCommitter& writer = ledgers.all().front()->writer;  // of the only one
  const HoldLedger hold = [&writer](std::move_only_function<void()> job) {
    return ask<void>([&](auto done) { writer.between_commits(std::move(job), std::move(done)); }).get();
  };
  return std::make_unique<BackupJob>(
      [source = BackupSource{settings_.data_dir, settings_.shard_ids()}, hold](const std::string& directory,
                                                                               const BackupJob::Progress& progress) {
        return back_up(source, directory, hold, progress);
      },
      clock_);
}

Result<std::unique_ptr<Deployment>> open_embedded(const Settings& settings, const KeyRing& keys, const Clock& clock,
                                                  prometheus::Registry& registry) {
  auto local = open_local_engines(settings, keys, clock);
  if (!local) {
    return std::unexpected(local.error());
  }
  // So that whoever looks for what nodes count among others finds it everywhere.
  (void)ForwarderMetrics(registry);
  (void)add_beats_failed(registry);
  return std::make_unique<EmbeddedDeployment>(settings, clock, std::move(*local));
}

}  // namespace

const DeploymentKind kEmbedded{.descriptors_needed = local_descriptors, .open = open_embedded};

}  // namespace hongbao
