// The operators' API, on a listener of its own. Every route needs a token whose role may take it; what is changed is
// told in the log and the journal with the token's name: a change is made only once its line is on the disk. Runs on
// the admin I/O thread; work that blocks goes to the worker pool.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/admin/admin_tokens.h"
#include "api/admin/region_status.h"
#include "api/api_call.h"
#include "core/limits.h"
#include "core/packet_id.h"
#include "ports/control.h"
#include "service/admin_journal.h"
#include "service/archiver.h"
#include "service/audit.h"
#include "service/backup_job.h"
#include "service/reconciler.h"
#include "service/wallets.h"

namespace hongbao {

// What the API calls on. All outlive it.
struct AdminServices {
  const AdminTokens& tokens;
  AdminJournal& journal;
  const ShardSet& shards;
  Wallets& wallets;
  Audit& audit;
  Reconciler& reconciler;
  Archiver& archiver;
  BackupJob* backup;  // embedded only
  const std::map<ShardId, OrderStore*>& orders;
  RegionStatus& region;
  WorkerPool& workers;         // where an audit may take long
  WorkerPool& status_workers;  // for what must be told even then
  Control& control;
  WorkerPool& control_workers;  // wait for `control`, and for no audit
  const PacketIdCodec& ids;
  prometheus::Registry& registry;
};

struct AdminApiOptions {
  Money deposit_max = kDepositMax;  // of one call
  Region region{};                  // the only one this deployment has
  std::chrono::milliseconds command_timeout{};
  std::function<void()> archive_now;
  std::function<void()> update_metrics;  // those that are only read now and then
};

class AdminApi {
 public:
  AdminApi(AdminServices services, AdminApiOptions options);

  void handle(const HttpRequest& request, Reply reply);

 private:
  using Handler = void (AdminApi::*)(const RoutedRequest&, ApiCall);
  // What a route is, and who may take it.
  struct Route {
    http::verb method;
    std::string_view pattern;
    AdminRole role;
    Handler handler;
    std::vector<std::string_view> parameters{};
    bool is_told_late = false;  // ApiCall::tell_when_late
  };
  static const std::vector<Route>& routes();
  struct Operation {
    Handler handler;
    AdminRole role;
    std::string label;
    bool is_told_late;
    std::unique_ptr<OperationMetrics> metrics;
  };

  // Whose token it is; nullopt: the call was answered.
  std::optional<AdminCaller> identify(const HttpRequest& request, ApiCall& call) const;

  // Has the handler run once the journal has the change.
  void begin_change(const Operation& operation, const AdminCaller& caller, const RoutedRequest& in, ApiCall call);

  void metrics(const RoutedRequest& in, ApiCall call);
  void journal(const RoutedRequest& in, ApiCall call);
  void shards(const RoutedRequest& in, ApiCall call);
  void region(const RoutedRequest& in, ApiCall call);
  void audit(const RoutedRequest& in, ApiCall call);
  void reconciliation(const RoutedRequest& in, ApiCall call);
  void reconcile(const RoutedRequest& in, ApiCall call);
  void archive(const RoutedRequest& in, ApiCall call);
  void archived_days(const RoutedRequest& in, ApiCall call);
  void run_archive(const RoutedRequest& in, ApiCall call);
  void get_backup(const RoutedRequest& in, ApiCall call);
  void make_backup(const RoutedRequest& in, ApiCall call);
  void get_switches(const RoutedRequest& in, ApiCall call);
  void put_switches(const RoutedRequest& in, ApiCall call);
  void get_traffic(const RoutedRequest& in, ApiCall call);
  void put_traffic(const RoutedRequest& in, ApiCall call);
  void wallet(const RoutedRequest& in, ApiCall call);
  void deposit(const RoutedRequest& in, ApiCall call);
  void freeze(const RoutedRequest& in, ApiCall call);
  void unfreeze(const RoutedRequest& in, ApiCall call);
  void set_frozen(const RoutedRequest& in, bool frozen, ApiCall call);

  const AdminServices services_;
  const AdminApiOptions options_;
  Router router_;
  std::vector<Operation> operations_;
  OperationMetrics unrouted_;
};

}  // namespace hongbao
