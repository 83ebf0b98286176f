// The engines of one process, behind their ports: embedded (SQLite files and this process's memory) or distributed
// (MariaDB, Redis, NATS). The only place that names adapters. The owner's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "adapters/sqlite/data_dir.h"
#include "apps/settings.h"
#include "base/metrics.h"
#include "ports/cache.h"
#include "ports/control.h"
#include "ports/greeting_store.h"
#include "ports/inbox_store.h"
#include "ports/ledger_store.h"
#include "ports/membership.h"
#include "ports/order_store.h"
#include "ports/voucher_stream.h"

namespace hongbao {

struct Engines {
  std::optional<sqlite::DataDir> dir;  // embedded only
  std::map<ShardId, std::unique_ptr<OrderStore>> orders;
  std::unique_ptr<LedgerStore> ledger;
  std::unique_ptr<InboxStore> inbox;
  std::unique_ptr<Cache> cache;
  std::unique_ptr<GreetingStore> greetings;  // embedded only: there the cache ends with the process
  std::unique_ptr<VoucherStream> stream;
  std::unique_ptr<Control> control;

  // The nodes that use one database server, and the shards that are there. Distributed only.
  struct Members {
    std::unique_ptr<Membership> membership;
    std::unique_ptr<Membership> watched;  // the same, for the watch, which must not wait for beats nor hold them up
    std::vector<ShardId> shards;
    std::string facts;  // that they must agree on
  };
  std::vector<Members> members;

  std::function<bool()> stream_answers;
  std::function<bool()> control_answers;

  [[nodiscard]] std::map<ShardId, OrderStore*> order_stores() const;
};

// kConfig, with one line, for what an operator has to mend. `registry` and `clock` outlive the engines.
Result<Engines> open_engines(const Settings& settings, const Clock& clock, prometheus::Registry& registry);

}  // namespace hongbao
