// One server process put together: the only place that knows adapters by name. `create` opens the data directory and
// builds every part, `start` brings them up from the stores to the listeners, `stop` takes them down the other way:
// refuse, drain, flush. The owner's thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/memory/log_voucher_stream.h"
#include "adapters/memory/memory_cache.h"
#include "adapters/memory/memory_control.h"
#include "adapters/sqlite/data_dir.h"
#include "adapters/sqlite/inbox_store.h"
#include "adapters/sqlite/ledger_store.h"
#include "adapters/sqlite/order_store.h"
#include "apps/settings.h"
#include "edge/admin_api.h"
#include "edge/http_server.h"
#include "edge/public_api.h"
#include "service/audit.h"
#include "service/inbox_feed.h"
#include "service/periodic.h"
#include "service/refunder.h"
#include "service/settler.h"

namespace hongbao {

class Node {
 public:
  // kConfig when the data directory is in use or can't be opened.
  static Result<std::unique_ptr<Node>> create(const Settings& settings);

  Result<void> start();
  void stop();

 private:
  // What `create` opens before anything is built on it.
  struct Stores {
    DataDir dir;
    std::map<ShardId, std::unique_ptr<SqliteOrderStore>> orders;
    std::unique_ptr<SqliteLedgerStore> ledger;
    std::unique_ptr<SqliteInboxStore> inbox;
  };
  static Result<Stores> open_stores(const Settings& settings);
  static std::map<ShardId, OrderStore*> pointers(const Stores& stores);

  Node(const Settings& settings, Stores stores);
  ShardSet make_shards();
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
  Stores stores_;
  const std::map<ShardId, OrderStore*> orders_;
  const SystemClock clock_;
  SystemRandom random_;
  prometheus::Registry registry_;

  // Keys for each purpose, derived from the master key.
  const PacketIdCodec ids_;
  const TicketCodec tickets_;
  const PayTokenCodec pay_tokens_;
  const PageTokenCodec page_tokens_;
  const Authenticator authenticator_;

  MemoryCache cache_;
  MemoryControl control_;
  LogVoucherStream stream_;
  ShardSet shards_;
  LedgerWriter ledger_writer_;
  WorkerPool workers_;        // reads for users
  WorkerPool admin_workers_;  // an audit may take long and must not hold up users
  Settler settler_;
  InboxFeed inbox_feed_;
  Refunder refunder_;
  Reconciler reconciler_;
  Audit audit_;
  prometheus::Gauge& audit_difference_;
  prometheus::Gauge& settlement_lag_;
  Periodic refunds_;
  Periodic reconciliation_;
  Periodic auditing_;

  PreOrders pre_orders_;
  Residency residency_;
  Ordering ordering_;
  Opening opening_;
  Viewing viewing_;
  Wallets wallets_;
  PublicApi public_api_;
  AdminApi admin_api_;
  HttpServer public_server_;
  HttpServer admin_server_;
  bool running_ = false;  // everything but the listeners was started
};

}  // namespace hongbao
