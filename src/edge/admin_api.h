// The operators' API, on a listener of its own. Everything but /healthz and /readyz needs the admin token. Runs on the
// admin I/O thread; work that blocks goes to the worker pool.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/packet_id.h"
#include "edge/call.h"
#include "edge/region_status.h"
#include "ports/control.h"
#include "service/archiver.h"
#include "service/audit.h"
#include "service/backup_job.h"
#include "service/reconciler.h"
#include "service/wallets.h"

namespace hongbao {

// What the API calls on. All outlive it.
struct AdminServices {
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
  std::string token;
  Region region{};  // the only one this deployment has
  std::chrono::milliseconds command_timeout{};
  std::function<void()> archive_now;
  std::function<void()> update_metrics;  // those that are only read now and then
};

class AdminApi {
 public:
  AdminApi(AdminServices services, AdminApiOptions options);

  void handle(const HttpRequest& request, Reply reply);

  // What /readyz says. Ready once all is started, until the stop begins.
  void set_ready(bool ready) { services_.region.set_ready(ready); }

 private:
  using Handler = void (AdminApi::*)(const Incoming&, Call);
  struct Route {
    Handler handler;
    bool open;  // without the token
    std::unique_ptr<RouteMetrics> metrics;
  };

  void add(http::verb method, std::string_view pattern, Handler handler, bool open = false,
           std::vector<std::string_view> parameters = {});

  void health(const Incoming& in, Call call);
  void ready(const Incoming& in, Call call);
  void metrics(const Incoming& in, Call call);
  void shards(const Incoming& in, Call call);
  void region(const Incoming& in, Call call);
  void audit(const Incoming& in, Call call);
  void reconciliation(const Incoming& in, Call call);
  void reconcile(const Incoming& in, Call call);
  void archive(const Incoming& in, Call call);
  void archived_days(const Incoming& in, Call call);
  void run_archive(const Incoming& in, Call call);
  void get_backup(const Incoming& in, Call call);
  void make_backup(const Incoming& in, Call call);
  void get_switches(const Incoming& in, Call call);
  void put_switches(const Incoming& in, Call call);
  void get_traffic(const Incoming& in, Call call);
  void put_traffic(const Incoming& in, Call call);
  void wallet(const Incoming& in, Call call);
  void deposit(const Incoming& in, Call call);
  void freeze(const Incoming& in, Call call);
  void unfreeze(const Incoming& in, Call call);
  void set_frozen(const Incoming& in, bool frozen, Call call);

  const AdminServices services_;
  const AdminApiOptions options_;
  Router router_;
  std::vector<Route> routes_;
  RouteMetrics unrouted_;
};

}  // namespace hongbao
