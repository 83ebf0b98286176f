// The use cases, the followers of the voucher logs and the upkeep of one process, put together from ports: once for the
// server, the simulator and the tests, so that what is tested is what runs. Built by one thread, and nothing runs by
// itself: the owner starts the threads of those that have one, or calls their steps.
#pragma once

#include <map>
#include <memory>

#include "ports/cache.h"
#include "ports/control.h"
#include "ports/greeting_store.h"
#include "ports/inbox_store.h"
#include "ports/ledger_store.h"
#include "ports/order_store.h"
#include "ports/voucher_stream.h"
#include "service/archiver.h"
#include "service/audit.h"
#include "service/finished_packet_cache.h"
#include "service/frozen_accounts.h"
#include "service/inbox_feed.h"
#include "service/inbox_heads.h"
#include "service/inbox_lists.h"
#include "service/packet_calls.h"
#include "service/reconciler.h"
#include "service/refunder.h"
#include "service/settler.h"
#include "service/wallets.h"

namespace hongbao {

struct Ports {
  std::map<ShardId, OrderStore*> orders;  // of every shard, owned here or not
  VoucherStream& stream;
  LedgerSet::Stores ledgers;  // of the region
  InboxStore& inbox;
  Cache& cache;
  // The same, when other processes have it as well and gain from finished packets and lists in it. Null: what this one
  // has in memory and in its inbox is as near.
  Cache* shared_cache = nullptr;
  Control& control;
  GreetingStore* greetings = nullptr;  // null: the cache outlives the process
};

struct Codecs {
  const PacketIdCodec& ids;
  const TicketCodec& tickets;
  const PayTokenCodec& pay_tokens;
};

// What they take from the process around them.
struct ProcessParts {
  const Clock& clock;
  const Clock& cache_clock;  // the same for whoever may look at it under a lock, where a simulated process can't stop
  Random& random;
  WorkerPool& workers;  // reads for users
  prometheus::Registry& registry;
};

struct UseCaseOptions {
  Ledgers ledgers{};              // of the deployment
  LedgerCommitterOptions ledger;  // its place is each ledger's own
  size_t follower_batch_vouchers_max = 0;
  ReconcilerOptions reconciler;
  ArchiverOptions archive;
  OrderingOptions ordering;
  std::chrono::milliseconds packet_ttl{};
  std::chrono::milliseconds ticket_ttl{};
  Money deposits_daily_max = kPostedMax;  // as much as there can be
};

// Every shard of the deployment, with nothing acquired or started.
ShardSet make_shards(const Ports& ports, const Clock& clock, const ShardOptions& options,
                     prometheus::Registry& registry);

class UseCases {
 public:
  // All that is referred to outlives it. `ownership`: of these shards.
  UseCases(const ShardSet& shards, const Ownership& ownership, const Ports& ports, const Codecs& codecs,
           const ProcessParts& process, const UseCaseOptions& options);

  // Before the first step of a follower and the first call: finds the followers' places in the logs, reads who is
  // frozen, and puts the greetings that were kept back into the cache. Errors: those of the stores.
  Result<void> prepare();

  LedgerSet ledgers;
  FrozenAccounts frozen_accounts;
  const std::vector<std::unique_ptr<Settler>> settlers;  // one for each ledger
  const std::unique_ptr<InboxHeads> inbox_heads;         // null without a shared cache
  InboxFeed inbox_feed;
  Refunder refunder;
  Reconciler reconciler;
  Audit audit;
  Archiver archiver;

  PreOrders pre_orders;
  const std::unique_ptr<FinishedPacketCache> finished_packet_cache;  // null without a shared cache
  Profiles profiles;
  Residency residency;
  Ordering ordering;
  Opening opening;
  Viewing viewing;
  const PacketCalls calls;
  InboxLists inbox_lists;
  Wallets wallets;
};

}  // namespace hongbao
