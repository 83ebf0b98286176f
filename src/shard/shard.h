// The runner of one shard: a mailbox, a writer with group commit around the pure engine, and a loader that reads
// packets the engine misses. While one batch commits the next one gathers in the mailbox, so that a busy shard needs no
// timer to form batches, and a hot packet no lock.
//
// Contract: no answer leaves before the commit that holds it. A commit that fails, or whose outcome is unknown, stops
// the shard until the head row tells what happened; then every held command gets a true answer, memory is dropped, and
// the shard goes on under a new epoch. A shard that another process took over answers nothing more.
//
// Writer and loader are steps. `start` gives each a thread that only repeats its step and pauses when the store is
// away; whoever wants to choose the order of things (a simulator) calls `acquire` and the steps instead.
//
// `submit`, `new_packet_key`, `gate`, `status`: any thread. `start` and `stop`: the owner. Callbacks run in the
// writer's step, or inline when the command is refused; they must be short and must not block.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
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
  uint32_t opens_in_flight_max = 4'096;  // for each packet
  std::chrono::milliseconds recovery_pause_min{10};
  std::chrono::milliseconds recovery_pause_max{1'000};
  std::string owner = "hongbaod";
};

enum class ShardState : uint8_t { kStopped, kServing, kRecovering, kLost };
std::string_view to_text(ShardState state);

struct ShardStatus {
  ShardState state = ShardState::kStopped;
  uint32_t epoch = 0;
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

  // Acquires the shard and starts its threads.
  Result<void> start();
  // Refuses new commands, finishes those it has, and joins the threads.
  void stop();

  // What `start` does first: from here on the shard serves.
  Result<void> acquire();
  // The writer's step: decides, commits and answers what has gathered, waiting up to `idle_wait` for the first command;
  // or, while the shard recovers, tries once to learn what became of its commit. False: nothing had gathered, or the
  // store did not say.
  bool write_step(std::chrono::milliseconds idle_wait);
  // The loader's step: reads packets that the writer asked for, waiting likewise. False: there were none.
  bool load_step(std::chrono::milliseconds idle_wait);

  // Calls `done` exactly once. Errors: kOverloaded, kUnavailable, kDeadlineExceeded, kShuttingDown: nothing took
  // effect; kOutcomeUnknown: the deadline passed while the outcome of its commit was being resolved.
  void submit(Command command, SteadyTime deadline, Done<ShardAnswer> done);

  // A fresh packet key of this shard. kUnavailable while the shard can't take orders.
  Result<PacketKey> new_packet_key(Day day);

  [[nodiscard]] ShardId id() const { return id_; }
  [[nodiscard]] const PacketGate& gate() const { return gate_; }
  [[nodiscard]] ShardStatus status() const;
  [[nodiscard]] size_t commands_waiting() const { return mailbox_.depth(); }
  [[nodiscard]] bool takes_orders() const { return state_.load() == ShardState::kServing; }

 private:
  struct Pending {
    Command command;
    SteadyTime deadline;
    Done<ShardAnswer> done;
  };
  struct Loaded {
    PacketKey key;
    Result<std::optional<StoredPacket>> stored;
  };
  using Item = std::variant<Pending, Loaded>;
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
  };

  void write_loop();
  void load_loop();
  void handle(Item& item, Timestamp now, SteadyTime steady_now);
  void decide(Pending pending, Timestamp now, SteadyTime steady_now);
  void wait_for_load(Pending pending);
  void take_loaded(Loaded& loaded, Timestamp now, SteadyTime steady_now);
  void finish_batch();
  void answer_held();
  void fail_held(ErrorCode code, const std::string& detail);

  void begin_recovery();
  bool recover();
  Result<bool> resolve(const CommitBatch& batch);
  void refuse_while_recovering();
  void lose();
  void own(const ShardHead& head);

  const ShardId id_;
  OrderStore& store_;
  VoucherStream& stream_;
  const Clock& clock_;
  const ShardOptions options_;

  PacketTable table_;
  PacketGate gate_;
  Mailbox<Item> mailbox_;
  Mailbox<PacketKey> load_requests_;
  std::thread writer_;
  std::thread loader_;

  // The writer's own.
  ShardEngine engine_;
  std::vector<Item> items_;  // taken in this step
  std::vector<Held> held_;
  std::unordered_map<PacketKey, std::vector<Pending>> waiting_;  // for a load
  size_t waiting_commands_ = 0;
  Metrics metrics_;

  // Published for other threads.
  std::atomic<ShardState> state_{ShardState::kStopped};
  std::atomic<uint64_t> next_voucher_{0};
  std::atomic<size_t> resident_packets_{0};
  std::atomic<size_t> resident_bytes_{0};
  mutable std::mutex key_mutex_;
  uint32_t epoch_ = 0;                  // guarded by key_mutex_
  std::map<Day, uint32_t> next_local_;  // guarded by key_mutex_; starts empty with every epoch
};

}  // namespace hongbao
