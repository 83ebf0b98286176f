// One server process put together. `create` opens the engines and builds every part, `start` brings them up from the
// stores to the listeners, `stop` takes them down the other way: hand over or refuse, drain, flush. The owner's thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "api/admin/admin_api.h"
#include "api/health_api.h"
#include "api/public/public_api.h"
#include "api/token_key_file.h"
#include "apps/server/deployment.h"
#include "apps/server/master_keys.h"
#include "apps/server/node_metrics.h"
#include "apps/server/schedule.h"
#include "apps/settings.h"
#include "net/http/server.h"
#include "service/backup_job.h"
#include "service/use_cases.h"

namespace hongbao {

class Node {
 public:
  // kConfig when an engine can't be used. `settings` outlive it.
  static Result<std::unique_ptr<Node>> create(const Settings& settings);

  Result<void> start();
  // Why it must end, for which it sends its own process SIGTERM; nullopt while it may serve. Any thread.
  [[nodiscard]] std::optional<Error> failure() const;
  void stop();

 private:
  Node(const Settings& settings, std::unique_ptr<prometheus::Registry> registry, std::unique_ptr<MasterKeys> keys,
       std::unique_ptr<Deployment> deployment, std::unique_ptr<AdminJournalStore> journal);
  struct Listeners {
    std::string public_at;
    std::string admin_at;
    std::string health_at;
  };
  Result<Listeners> bind_listeners();
  void end(const Error& why);
  void drain();

  // Threads for what blocks.
  struct Workers {
    explicit Workers(const Settings& settings);
    void start();
    void stop();

    WorkerPool users;    // reads for users
    WorkerPool admin;    // an audit may take long and must not hold up users …
    WorkerPool control;  // … nor those who set a switch, who may wait for NATS …
    WorkerPool status;   // … nor those who look what is wrong
  };

  const Settings& settings_;
  const Clock& clock_;
  const std::unique_ptr<prometheus::Registry> registry_owner_;
  prometheus::Registry& registry_;
  const std::unique_ptr<MasterKeys> keys_;
  const std::unique_ptr<Deployment> deployment_;
  const Ports ports_;
  SystemRandom random_;

  // Keys for each purpose, derived from the master key.
  const PacketIdCodec ids_;
  const TicketCodec tickets_;
  const PayTokenCodec pay_tokens_;
  const PageTokenCodec page_tokens_;
  Authenticator authenticator_;
  std::optional<TokenKeyFile> token_key_file_;  // none: only secrets sign

  const ShardSet shards_;
  const std::unique_ptr<Tenancy> tenancy_;
  Workers workers_;
  RegionWatch watch_;
  NodeMetrics metrics_;
  const std::unique_ptr<AdminJournalStore> journal_store_;
  AdminJournal journal_;
  AdminTokens admin_tokens_;
  Periodic token_watch_;
  UseCases use_cases_;
  const std::unique_ptr<BackupJob> backup_;  // null: not made here
  Schedule schedule_;
  Periodic token_key_looks_{TokenKeyFile::kLookEvery, [this] { token_key_file_->look(); }};

  const std::unique_ptr<Neighbours> neighbours_;
  RegionStatus region_;
  PublicApi public_api_;
  AdminApi admin_api_;
  HealthApi health_api_;
  HttpServer public_server_;
  HttpServer admin_server_;
  HttpServer health_server_;
  Error why_it_ends_{ErrorCode::kInternal};  // written once, before must_end_
  std::atomic<bool> must_end_{false};
  bool running_ = false;  // everything but the listeners was started
};

}  // namespace hongbao
