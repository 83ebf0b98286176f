// The runner of one shard: a mailbox, and a writer with group commit around the pure engine. While one batch commits
// the next one gathers in the mailbox, so that a busy shard needs no timer to form batches, and a hot packet no lock.
// Packets that the engine misses are read by a loader (shard/packet_loader.h) while their commands wait
// (shard/packet_waiters.h); whose the shard is, is the lease's matter (shard/shard_lease.h).
//
// Contract: no answer leaves before the commit that holds it. A commit that fails, or whose outcome is unknown, stops
// the shard until the head row tells what happened; then every held command gets a true answer, memory is dropped, and
// the shard goes on under a new epoch.
//
// Several processes may run a shard, and one of them owns it: the writer takes the shard when it is wanted here, keeps
// its lease, and gives it back when it is no longer wanted. Elsewhere the shard is away and refuses everything with
// kFenced, which says: nothing took effect, ask the owner. An owner whose lease may have lapsed (a process that was
// stopped for a while) answers nothing from memory until the head row has told it that the shard is still its own.
//
//   away       → serving      it is wanted here, and was taken
//   serving    → away         it is not wanted any more, or another owner has it
//   serving    → recovering   a commit's outcome is unknown, or the lease may have lapsed and the store does not say
//   recovering → serving      the store tells what became of the commit, and the shard is taken again
//   recovering → away         likewise, but another owner has it
//
// Writer and loaders are steps. `start` gives each a thread that only repeats its step and pauses when the store is
// away; whoever wants to choose the order of things (a simulator) calls the steps instead.
//
// `submit`, `want`, `new_packet_key`, `gate`, `status`: any thread. `acquire`, `start` and `stop`: the owner of this
// object. Callbacks run in the writer's step, or inline when the command is refused; they must be short and must not
// block.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "ports/order_store.h"
#include "ports/voucher_stream.h"
#include "shard/engine.h"
#include "shard/gate.h"
#include "shard/packet_loader.h"
#include "shard/packet_numbers.h"
#include "shard/packet_waiters.h"
#include "shard/shard_lease.h"

namespace hongbao {

struct ShardOptions {
  EngineLimits engine;
  size_t mailbox_commands_max = 0;  // waiting for the writer, and as many waiting for packets to load
  size_t batch_commands_max = 0;
  // After a commit the next batch gathers for so long, or until it has so many: then it carries what a commit costs. A
  // shard that had none lately decides at once.
  std::chrono::microseconds gather{0};
  size_t gather_commands_max = 64;
  uint32_t opens_in_flight_max = 0;  // for each packet
  std::chrono::milliseconds recovery_pause_min{10};
  std::chrono::milliseconds recovery_pause_max{1'000};
  ShardOwner owner = "";
  std::chrono::milliseconds lease = kLeaseForever;  // renewed when a third of it is over
  std::chrono::milliseconds acquire_pause{100};  // between two tries to take the shard of an owner whose lease stands
};

enum class ShardState : uint8_t { kAway, kServing, kRecovering, kStopped };
std::string_view to_text(ShardState state);

struct ShardStatus {
  ShardState state = ShardState::kAway;
  bool wanted = false;                          // this process shall own it
  std::chrono::milliseconds lease_left{0};      // 0: not owned here; kLeaseForever
  std::chrono::milliseconds commit_pending{0};  // a commit or renewal whose outcome is not known began so long ago
  uint32_t epoch = 0;                           // the last one that this process had
  VoucherNo next_voucher;
  size_t mailbox_depth = 0;
  size_t resident_packets = 0;
  size_t resident_bytes = 0;
};

class Shard {
 public:
  Shard(ShardId id, OrderStore& store, VoucherStream& stream, const Clock& clock, ShardOptions options,
        prometheus::Registry& registry);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Wants the shard and takes it here and now. REQUIRES: not started.
  Result<void> acquire();
  // Whether this process shall own the shard. The writer takes it as soon as it can, or gives it back.
  void want(bool wanted);

  void start();
  // Refuses new commands, finishes those it has, gives the shard back, and joins the threads.
  void stop();

  // The writer's step: decides, commits and answers what has gathered, waiting up to `idle_wait` for the first command;
  // or takes the shard, renews its lease or gives it back, when that is due; or, while the shard recovers, tries once
  // to learn what became of its commit. False: nothing was done, or the store did not say.
  bool write_step(std::chrono::milliseconds idle_wait);
  // The loaders' steps; see PacketLoader.
  bool load_step(std::chrono::milliseconds idle_wait) { return loader_.load_step(idle_wait); }
  bool load_cold_step(std::chrono::milliseconds idle_wait) { return loader_.load_cold_step(idle_wait); }

  // Calls `done` exactly once. Errors: kFenced, kOverloaded, kUnavailable, kDeadlineExceeded, kShuttingDown: nothing
  // took effect; kOutcomeUnknown: the deadline passed while the outcome of its commit was being resolved.
  void submit(Command command, SteadyTime deadline, Done<ShardAnswer> done);

  // A fresh packet key of this shard, of the day of `now`. kFenced while the shard is away, kUnavailable while it can't
  // take orders.
  Result<PacketKey> new_packet_key(Timestamp now);

  [[nodiscard]] ShardId id() const { return id_; }
  // Of nothing while this process can't be sure that the shard is its own.
  [[nodiscard]] const PacketGate& gate() const { return owns() ? gate_ : closed_gate_; }
  [[nodiscard]] ShardStatus status() const;
  [[nodiscard]] bool is_away() const { return state_.load() == ShardState::kAway; }
  [[nodiscard]] size_t commands_waiting() const { return mailbox_.depth(); }
  [[nodiscard]] bool takes_orders() const { return state_.load() == ShardState::kServing && owns(); }
  // Nobody else has the shard.
  [[nodiscard]] bool owns() const { return lease_.owns(); }
  // The last one in which this process had the shard. Any thread.
  [[nodiscard]] Term term() const { return lease_.term(); }

 private:
  struct Wanted {};  // only wakes the writer
  using Item = std::variant<PendingCommand, LoadedPacket, Wanted>;
  // Decided, and waiting for the commit.
  struct Held {
    ShardAnswer answer;
    SteadyTime deadline;
    Done<ShardAnswer> done;
  };
  struct Metrics {
    prometheus::Histogram& batch_vouchers;
    prometheus::Histogram& commit_seconds;
    prometheus::Gauge& mailbox_depth;
    prometheus::Gauge& resident_bytes;
    prometheus::Counter& recoveries;
    prometheus::Counter& commits_unknown;
  };

  void write_loop();
  void gather();
  bool write_away(std::chrono::milliseconds idle_wait);
  bool write_serving(std::chrono::milliseconds idle_wait);
  void refuse_all(ErrorCode code, const char* detail, std::chrono::milliseconds idle_wait);

  void handle(Item& item, Timestamp now, SteadyTime steady_now);
  void decide(PendingCommand command, Timestamp now, SteadyTime steady_now);
  void wait_for_load(PendingCommand command);
  void take_loaded(LoadedPacket& loaded, Timestamp now, SteadyTime steady_now);
  void finish_batch();
  void answer_held();
  void fail_held(ErrorCode code, const std::string& detail);

  void own(const ShardLease::Acquired& acquired);
  bool keep_lease();
  void give_back();
  void lose();
  void go_away();

  void begin_recovery();
  bool recover();
  bool leave_in_doubt(const Error& error);

  const ShardId id_;
  OrderStore& store_;
  VoucherStream& stream_;
  const Clock& clock_;
  const ShardOptions options_;

  PacketTable table_;
  PacketTable empty_table_;
  PacketGate gate_;
  PacketGate closed_gate_;
  Mailbox<Item> mailbox_;
  ShardLease lease_;
  PacketNumbers numbers_;
  PacketLoader loader_;
  std::thread writer_;

  // The writer's own.
  ShardEngine engine_;
  PacketWaiters waiters_;
  std::vector<Item> items_;  // taken in this step
  std::vector<Held> held_;
  bool has_committed_ = false;  // since the last pause to gather
  Metrics metrics_;

  // Published for other threads.
  std::atomic<ShardState> state_{ShardState::kAway};
  std::atomic<uint64_t> next_voucher_{0};
  std::atomic<size_t> resident_packets_{0};
  std::atomic<size_t> resident_bytes_{0};
};

}  // namespace hongbao
