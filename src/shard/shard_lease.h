// A process's hold on one shard: takes it, keeps its lease, gives it back, and learns what became of a commit that was
// in doubt. It knows no packets and answers nobody: what follows from gaining or losing the shard is the writer's
// (shard/shard.h).
//
//   acquire → hold ─┬─ keep, extend: the lease runs anew ─┐
//                   │             ▲───────────────────────┘
//                   ├─ give_back: ended here, then in the store
//                   └─ let_go: it is another's, or may be
//
// A lease counts from before the store was asked for it, so that it lapses here first. Nobody else has the shard while
// `owns` says so; who is not sure has to ask the store before it answers anything.
//
// `want`, `wanted`, `owns`, `epoch`, `term`, `left`, `pending`: any thread. All else: the shard's writer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "core/voucher_batch.h"
#include "ports/order_store.h"

namespace hongbao {

struct LeaseOptions {
  ShardOwner owner;
  std::chrono::milliseconds lease{};          // renewed when a third of it is over
  std::chrono::milliseconds acquire_pause{};  // between two tries to take the shard
};

class ShardLease {
 public:
  static constexpr int kRenewalsPerLease = 3;

  ShardLease(ShardId id, OrderStore& store, const Clock& clock, LeaseOptions options)
      : id_(id), store_(store), clock_(clock), options_(std::move(options)) {}

  // Whether this process shall own the shard. True: that is new.
  bool want(bool wanted) { return wanted_.exchange(wanted) != wanted; }
  [[nodiscard]] bool wanted() const { return wanted_.load(); }

  // The lease has not lapsed, by this process's clock, which began before the database's.
  [[nodiscard]] bool owns() const {
    const SteadyTime until = until_.load(std::memory_order_acquire);
    return until == kForever || (until != kNever && clock_.steady_now() < until);
  }
  // The last one that this process had.
  [[nodiscard]] uint32_t epoch() const { return term().epoch(); }
  // The last one that this process had.
  [[nodiscard]] Term term() const { return term_.load(std::memory_order_relaxed); }
  // 0: not owned here; kLeaseForever.
  [[nodiscard]] std::chrono::milliseconds left() const;
  // A commit or renewal began so long ago, and its outcome is not known; 0: there is none.
  [[nodiscard]] std::chrono::milliseconds pending() const;

  // The shard as it was taken from the store.
  struct Acquired {
    ShardHead head;
    SteadyTime from;  // before the store was asked
  };
  // Takes the shard; it is this process's from `hold` on. kFenced: another owner's lease stands.
  Result<Acquired> acquire();
  // As `acquire`, when the shard is wanted and the pause since the last try is over. nullopt: it was not taken.
  std::optional<Acquired> acquire_if_due();
  // REQUIRES: nothing is in memory that was read or decided before.
  void hold(const Acquired& acquired);

  // A commit is being asked of the store. Returns what `extend` wants when it succeeded.
  SteadyTime begin_commit();
  // The lease runs anew from then, and nothing is in doubt.
  void extend(SteadyTime from);

  enum class Kept : uint8_t {
    kYes,
    kLost,     // another owner has the shard
    kUnknown,  // the lease may have lapsed, and the store does not say
  };
  // Renews the lease when that is due.
  Kept keep();

  // Ends the lease here, and then in the store.
  void give_back();
  // The lease is over here; the next try to take the shard comes after the pause.
  void let_go();
  // Says in the log who has it now.
  void log_loss();

  // What became of a commit that was in doubt.
  struct Resolved {
    bool landed = false;
    std::optional<Acquired> acquired;  // nullopt: another owner has the shard
  };
  // Takes the shard again, which ends whatever was on its way (or learns that another owner has done so), and compares
  // the log with what the batch would have written. An error: the store did not say.
  Result<Resolved> resolve(const CommitBatch& batch);

 private:
  static constexpr SteadyTime kNever = SteadyTime();
  static constexpr SteadyTime kForever = SteadyTime::max();

  const ShardId id_;
  OrderStore& store_;
  const Clock& clock_;
  const LeaseOptions options_;

  // The writer's own.
  SteadyTime renew_at_;
  SteadyTime acquire_at_;  // not before, when the shard is wanted

  // Published for other threads.
  std::atomic<bool> wanted_{false};
  std::atomic<Term> term_{};
  std::atomic<SteadyTime> until_{kNever};          // kNever: no lease
  std::atomic<SteadyTime> pending_since_{kNever};  // a commit or renewal began then and may not have ended
};

}  // namespace hongbao
