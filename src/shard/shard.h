// The runner of one shard: a mailbox, a writer with group commit around the pure engine, a loader that reads packets
// the engine misses, and another one for cold packets, whose storage may be slow or away. While one batch commits the
// next one gathers in the mailbox, so that a busy shard needs no timer to form batches, and a hot packet no lock.
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
// Writer and loaders are steps. `start` gives each a thread that only repeats its step and pauses when the store is
// away; whoever wants to choose the order of things (a simulator) calls the steps instead.
//
// `submit`, `want`, `new_packet_key`, `gate`, `status`: any thread. `acquire`, `start` and `stop`: the owner of this
// object. Callbacks run in the writer's step, or inline when the command is refused; they must be short and must not
// block.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "ports/order_store.h"
#include "ports/voucher_stream.h"
#include "shard/engine.h"
#include "shard/gate.h"

namespace hongbao {

struct ShardOptions {
  EngineLimits engine;
  size_t mailbox_commands_max = 16'384;  // waiting for the writer, and as many waiting for packets to load
  size_t batch_commands_max = 1'024;
  // After a commit the next batch gathers for so long, or until it has so many: then it carries what a commit costs. A
  // shard that had none lately decides at once.
  std::chrono::microseconds gather{0};
  size_t gather_commands_max = 64;
  uint32_t opens_in_flight_max = 4'096;  // for each packet
  std::chrono::milliseconds recovery_pause_min{10};
  std::chrono::milliseconds recovery_pause_max{1'000};
  ShardOwner owner = "hongbaod";
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
  // The loader's step: reads packets that the writer asked for, waiting likewise, and leaves those that may be cold to
  // the other loader. False: there were none.
  bool load_step(std::chrono::milliseconds idle_wait);
  bool load_cold_step(std::chrono::milliseconds idle_wait);

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
  // Nobody else has the shard: the lease has not lapsed, by this process's clock, which began before the database's.
  [[nodiscard]] bool owns() const {
    const SteadyTime until = lease_until_.load(std::memory_order_acquire);
    return until == kForever || (until != SteadyTime() && clock_.steady_now() < until);
  }

 private:
  struct Pending {
    Command command;
    SteadyTime deadline;
    Done<ShardAnswer> done;
  };
  struct LoadRequest {
    PacketKey key;
    uint32_t epoch;
    SteadyTime deadline;  // of the first command that waits for it
  };
  struct Loaded {
    LoadRequest request;
    Result<std::optional<StoredPacket>> stored;
  };
  struct Wanted {};  // only wakes the writer
  using Item = std::variant<Pending, Loaded, Wanted>;
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

  static constexpr SteadyTime kForever = SteadyTime::max();

  Result<void> take();
  void write_loop();
  void gather();
  using LoadStep = bool (Shard::*)(std::chrono::milliseconds idle_wait);
  void load_loop(const char* name, LoadStep step, const Mailbox<LoadRequest>& requests);
  bool write_away(std::chrono::milliseconds idle_wait);
  bool write_serving(std::chrono::milliseconds idle_wait);
  void handle(Item& item, Timestamp now, SteadyTime steady_now);
  void decide(Pending pending, Timestamp now, SteadyTime steady_now);
  void wait_for_load(Pending pending);
  void take_loaded(Loaded& loaded, Timestamp now, SteadyTime steady_now);
  void finish_batch();
  void answer_held();
  void fail_held(ErrorCode code, const std::string& detail);
  void fail_waiting(ErrorCode code, const std::string& detail);

  bool keep_lease();
  void extend_lease(SteadyTime from);
  void give_back();
  void go_away();
  void lose();
  void own(const ShardHead& head, SteadyTime from);

  // What became of a commit that is in doubt, and whether the shard is this process's again.
  struct Resolved {
    bool landed = false;
    std::optional<ShardHead> head;  // nullopt: another owner has the shard
    SteadyTime lease_from;
  };
  void begin_recovery();
  bool recover();
  Result<Resolved> resolve(const CommitBatch& batch);
  void refuse_all(ErrorCode code, const char* detail, std::chrono::milliseconds idle_wait);
  void refuse_overdue_held();
  void refuse_overdue_waiting();

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
  Mailbox<LoadRequest> load_requests_;
  Mailbox<LoadRequest> cold_requests_;
  std::thread writer_;
  std::thread loader_;
  std::thread cold_loader_;

  // The writer's own.
  ShardEngine engine_;
  SteadyTime renew_at_;
  SteadyTime acquire_at_;    // not before, when the shard is wanted
  std::vector<Item> items_;  // taken in this step
  std::vector<Held> held_;
  bool has_committed_ = false;  // since the last pause to gather
  // For a load. A packet is asked for once, and stays here until it was read, even if nobody waits any more: no command
  // is decided on it meanwhile, so what was read is current.
  std::unordered_map<PacketKey, std::vector<Pending>> waiting_;
  size_t waiting_commands_ = 0;
  SteadyTime look_for_overdue_at_;
  Metrics metrics_;

  // Published for other threads.
  std::atomic<bool> wanted_{false};
  std::atomic<ShardState> state_{ShardState::kAway};
  std::atomic<SteadyTime> lease_until_{SteadyTime()};   // the epoch: no lease
  std::atomic<SteadyTime> commit_since_{SteadyTime()};  // a commit or renewal began then and may not have ended
  std::atomic<uint64_t> next_voucher_{0};
  std::atomic<size_t> resident_packets_{0};
  std::atomic<size_t> resident_bytes_{0};
  mutable std::mutex key_mutex_;
  uint32_t epoch_ = 0;                  // guarded by key_mutex_
  std::map<Day, uint32_t> next_local_;  // least counters, guarded by key_mutex_; starts empty with every epoch
};

}  // namespace hongbao
