// What survives a process, and a process over it: the product's real parts, put together as src/apps/node.cc does, but
// without threads. Each `step` plays one step of one part, chosen by chance. Destroying a process is its crash. One
// thread.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "adapters/memory/memory_control.h"
#include "service/inbox_feed.h"
#include "service/opening.h"
#include "service/ordering.h"
#include "service/reconciler.h"
#include "service/refunder.h"
#include "service/settler.h"
#include "service/viewing.h"
#include "service/wallets.h"
#include "sim/sim_cache.h"
#include "sim/sim_inbox_store.h"
#include "sim/sim_ledger_store.h"
#include "sim/sim_order_store.h"
#include "sim/sim_stream.h"

namespace hongbao::sim {

inline constexpr std::chrono::milliseconds kPayable = std::chrono::minutes(15);
inline constexpr std::chrono::milliseconds kPacketTtl = std::chrono::hours(24);
inline constexpr std::chrono::milliseconds kTicketTtl = std::chrono::seconds(60);

struct Engines {
  explicit Engines(Environment& env);

  std::map<ShardId, std::unique_ptr<SimOrderStore>> order_stores;
  std::map<ShardId, OrderStore*> orders;
  SimLedgerStore ledger;
  SimInboxStore inbox;
  SimStream stream;
  SimCache cache;
  const PacketIdCodec ids;
  const TicketCodec tickets;
  const PayTokenCodec pay_tokens;
};

class Process {
 public:
  Process(Engines& engines, Environment& env, uint64_t number);

  // Takes the shards and finds its places in the logs; an engine may refuse.
  Result<void> start();
  // Also while another step waits for its commit; what is in the middle of its own step is left alone, as one thread
  // can't do two things.
  void step();
  [[nodiscard]] uint64_t number() const { return number_; }
  // Another process has one of its shards: whoever supervises it starts it anew.
  [[nodiscard]] bool lost_a_shard() const;

 private:
  Environment& env_;
  Engines& engines_;
  const uint64_t number_;
  prometheus::Registry registry_;
  MemoryControl control_;
  ShardSet shards_;
  WorkerPool workers_;  // has no threads here; nothing simulated reads through it

 public:
  LedgerWriter ledger_writer;
  Settler settler;
  InboxFeed inbox_feed;
  Refunder refunder;
  Reconciler reconciler;
  PreOrders pre_orders;
  Profiles profiles;
  Residency residency;
  Ordering ordering;
  Opening opening;
  Viewing viewing;
  Wallets wallets;

 private:
  template <class Step>
  void unless_busy(const void* part, Step step);
  void settle();
  void refund();
  void reconcile();

  std::vector<ShardId> shard_ids_;
  std::set<const void*> busy_;  // parts in the middle of a step
  bool settling_ = false;
  bool refunding_ = false;
  bool reconciling_ = false;
};

}  // namespace hongbao::sim
