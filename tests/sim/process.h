// What survives a process, and a process of a node over it: the product's real parts, put together by the same code
// (service/use_cases.h), but without threads. Each `step` plays one step of one part, chosen by chance. Destroying a
// process is its crash. One thread.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "adapters/memory/memory_control.h"
#include "routing/forwarder.h"
#include "routing/placement.h"
#include "service/use_cases.h"
#include "sim/network.h"
#include "sim/sim_cache.h"
#include "sim/sim_inbox_store.h"
#include "sim/sim_ledger_store.h"
#include "sim/sim_membership.h"
#include "sim/sim_order_store.h"
#include "sim/sim_stream.h"

namespace hongbao::sim {

inline constexpr std::chrono::milliseconds kPayable = std::chrono::minutes(15);
inline constexpr std::chrono::milliseconds kPacketTtl = std::chrono::hours(24);
inline constexpr std::chrono::milliseconds kGrace = std::chrono::seconds(5);
inline constexpr std::chrono::milliseconds kDeferral = std::chrono::seconds(1);
inline constexpr std::chrono::milliseconds kDeferralMax = std::chrono::hours(1);
inline constexpr std::chrono::milliseconds kTicketTtl = std::chrono::seconds(60);

struct Engines {
  explicit Engines(Environment& env);

  // All stores, as they are between two steps.
  struct Copy {
    std::map<ShardId, size_t> orders;
    std::map<LedgerId, size_t> ledgers;
    size_t inbox = 0;
  };
  [[nodiscard]] Copy copy() const;
  // The one with the user's wallet.
  [[nodiscard]] SimLedgerStore& ledger_of(const UserId& user) const {
    return *ledgers.at(all_ledgers.of(user, Region::kSouth));
  }
  [[nodiscard]] LedgerSet::Stores ledger_ports() const;
  [[nodiscard]] Audit::LedgerStores stored_ledgers() const;
  // No process runs. Pre-orders may be there of packets that nobody has paid now.
  void restore(const Copy& copy);

  std::map<ShardId, std::unique_ptr<SimOrderStore>> order_stores;
  std::map<ShardId, OrderStore*> orders;
  std::map<ShardId, std::unique_ptr<SimMembership>> memberships;  // each shard is on a server of its own
  const Ledgers all_ledgers;
  std::map<LedgerId, std::unique_ptr<SimLedgerStore>> ledgers;
  SimInboxStore inbox;
  SimStream stream;
  SimCache cache;
  const PacketIdCodec ids;
  const TicketCodec tickets;
  const PayTokenCodec pay_tokens;
};

// What its code reads; it may be stopped just before or after.
class ProcessClock final : public Clock {
 public:
  explicit ProcessClock(Environment& env) : env_(env) {}
  [[nodiscard]] Timestamp now() const override { return look(&Clock::now); }
  [[nodiscard]] SteadyTime steady_now() const override { return look(&Clock::steady_now); }

 private:
  template <class Time>
  Time look(Time (Clock::*read)() const) const {
    const Time before = (env_.clock.*read)();
    env_.meanwhile(Moment::kClock);
    return env_.dice.one_in(2) ? before : (env_.clock.*read)();
  }

  Environment& env_;
};

class Process {
 public:
  // `number`: which process of the run it is; it serves as its node's incarnation.
  Process(Engines& engines, Environment& env, Network& network, const std::string& node, uint64_t number);

  // Says that its node lives, and finds its places in the logs; an engine may refuse.
  Result<void> start();
  // Also while another step waits for an engine; what is in the middle of its own step is left alone, as one thread
  // can't do two things.
  void step();
  // A clean stop: from now on its steps only give the shards back.
  void leave();

  [[nodiscard]] uint64_t number() const { return number_; }
  [[nodiscard]] bool owns(ShardId shard) const { return shards_.owns(shard); }
  // It left, or had to because a later process has its node's name, and gave everything back.
  [[nodiscard]] bool has_left() const;
  [[nodiscard]] bool is_leaving() const { return leaving_; }
  // Another process has its node's name, or had at a time: until the older one knows, it may take shards from the later
  // one, or the later one from it, though a lease stands.
  void set_shares_name() { shares_name_ = true; }
  [[nodiscard]] bool shares_name() const { return shares_name_; }

 private:
  Environment& env_;
  const uint64_t number_;
  const ProcessClock clock_;
  prometheus::Registry registry_;
  MemoryControl control_;
  const Ports ports_;
  const ShardSet shards_;
  const std::vector<ShardId> shard_ids_;
  WorkerPool workers_;  // has no threads here; nothing simulated reads through it
  Network::Port port_;

 public:
  Placement placement;
  UseCases use_cases;
  Routes routes;
  Forwarder forwarder;

 private:
  // Those with a thread of their own.
  enum class Part : uint8_t { kPlacement, kWriter, kLoader, kLedger, kInbox, kFrozenAccounts };
  template <class Step>
  void unless_busy(Part part, ShardId shard, Step step);
  template <class Step>
  void unless_busy(Part part, Step step) {
    unless_busy(part, {}, step);
  }
  void beat();
  void settle();
  void refund();
  void reconcile();

  std::set<std::pair<Part, ShardId>> busy_;  // in the middle of a step
  SteadyTime beat_at_;
  bool leaving_ = false;
  bool shares_name_ = false;
  std::set<const Settler*> settling_;
  bool refunding_ = false;
  bool reconciling_ = false;
};

}  // namespace hongbao::sim
