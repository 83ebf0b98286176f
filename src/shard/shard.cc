#include "shard/shard.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kIdleWait{1'000};
constexpr std::chrono::milliseconds kLoaderPoll{1};
constexpr size_t kLoadsAtOnceMax = 64;
constexpr const char* kNotServing = "the shard does not serve now";

}  // namespace

std::string_view to_text(ShardState state) {
  switch (state) {
    case ShardState::kStopped:
      return "stopped";
    case ShardState::kServing:
      return "serving";
    case ShardState::kRecovering:
      return "recovering";
    case ShardState::kLost:
      return "lost";
  }
  CHECK(false);
}

Shard::Shard(ShardId id, OrderStore& store, VoucherStream& stream, const Clock& clock, ShardOptions options,
             prometheus::Registry& registry)
    : id_(id),
      store_(store),
      stream_(stream),
      clock_(clock),
      options_(std::move(options)),
      gate_(table_, options_.opens_in_flight_max),
      mailbox_(options_.mailbox_commands_max),
      load_requests_(options_.mailbox_commands_max),
      engine_(id, table_, options_.engine),
      metrics_{
          add_histogram(registry, "hongbao_shard_commit_batch_vouchers", "Vouchers committed together.",
                        batch_buckets(), {{"shard", to_text(id)}}),
          add_histogram(registry, "hongbao_shard_commit_seconds", "Time of one commit.", latency_buckets_s(),
                        {{"shard", to_text(id)}}),
          add_gauge(registry, "hongbao_shard_mailbox_depth", "Commands waiting for the shard's writer.",
                    {{"shard", to_text(id)}}),
          add_gauge(registry, "hongbao_shard_resident_bytes", "Memory of the shard's resident packets.",
                    {{"shard", to_text(id)}}),
          add_counter(registry, "hongbao_shard_recoveries_total", "Commits that did not simply succeed.",
                      {{"shard", to_text(id)}}),
      } {}

Shard::~Shard() {
  stop();
}

Result<void> Shard::acquire() {
  const auto head = store_.acquire(options_.owner);
  if (!head) {
    return std::unexpected(head.error());
  }
  own(*head);
  return {};
}

Result<void> Shard::start() {
  if (auto acquired = acquire(); !acquired) {
    return acquired;
  }
  writer_ = std::thread([this] { write_loop(); });
  loader_ = std::thread([this] { load_loop(); });
  return {};
}

void Shard::stop() {
  mailbox_.close();
  if (writer_.joinable()) {
    writer_.join();
  }
  load_requests_.close();
  if (loader_.joinable()) {
    loader_.join();
  }
  state_.store(ShardState::kStopped);
}

void Shard::own(const ShardHead& head) {
  engine_.start(head);
  next_voucher_.store(head.next_voucher.value);
  {
    const std::lock_guard lock(key_mutex_);
    epoch_ = head.epoch;
    next_local_.clear();
  }
  state_.store(ShardState::kServing);
  log_info("shard_owned", {{"shard", to_text(id_)}, {"epoch", head.epoch}, {"next_voucher", head.next_voucher.value}});
}

Result<PacketKey> Shard::new_packet_key(Day day) {
  const std::lock_guard lock(key_mutex_);
  if (!takes_orders()) {
    return fail(ErrorCode::kUnavailable, "this shard does not take orders now");
  }
  uint32_t& next = next_local_[day];
  if (next > LocalNo::kCounterMax) {
    return fail(ErrorCode::kUnavailable, "this shard has no packet numbers left today");
  }
  return PacketKey{id_, day, LocalNo::of(epoch_, next++)};
}

void Shard::submit(Command command, SteadyTime deadline, Done<ShardAnswer> done) {
  CHECK(packet_of(command).shard == id_);
  Item item = Pending{std::move(command), deadline, std::move(done)};
  const auto push = mailbox_.push(item);
  if (push == Mailbox<Item>::Push::kTaken) {
    return;
  }
  const bool full = push == Mailbox<Item>::Push::kFull;
  std::get<Pending>(item).done(full ? fail(ErrorCode::kOverloaded, "the shard's mailbox is full")
                                    : fail(ErrorCode::kShuttingDown, "the server is stopping"));
}

ShardStatus Shard::status() const {
  const std::lock_guard lock(key_mutex_);
  return {state_.load(),         epoch_, {next_voucher_.load()}, mailbox_.depth(), resident_packets_.load(),
          resident_bytes_.load()};
}

void Shard::write_loop() {
  name_this_thread("shard-" + to_text(id_));
  auto pause = options_.recovery_pause_min;
  while (true) {
    if (write_step(kIdleWait)) {
      pause = options_.recovery_pause_min;
    } else if (state_.load(std::memory_order_relaxed) == ShardState::kRecovering) {
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, options_.recovery_pause_max);
    } else if (mailbox_.closed()) {
      if (waiting_.empty()) {
        return;
      }
      std::this_thread::sleep_for(kLoaderPoll);  // the loader still has work for us
    }
  }
}

bool Shard::write_step(std::chrono::milliseconds idle_wait) {
  if (state_.load(std::memory_order_relaxed) == ShardState::kRecovering) {
    return recover();
  }
  items_.clear();
  mailbox_.take(items_, options_.batch_commands_max, idle_wait);
  if (items_.empty()) {
    return false;
  }
  metrics_.mailbox_depth.Set(static_cast<double>(mailbox_.depth()));
  const Timestamp now = clock_.now();
  const SteadyTime steady_now = clock_.steady_now();
  for (Item& item : items_) {
    handle(item, now, steady_now);
  }
  finish_batch();
  return true;
}

void Shard::load_loop() {
  name_this_thread("loader-" + to_text(id_));
  while (load_step(kIdleWait) || !load_requests_.closed()) {
  }
}

bool Shard::load_step(std::chrono::milliseconds idle_wait) {
  std::vector<PacketKey> keys;
  load_requests_.take(keys, kLoadsAtOnceMax, idle_wait);
  for (const PacketKey& key : keys) {
    mailbox_.push_unbounded(Loaded{key, store_.load(key)});
  }
  return !keys.empty();
}

void Shard::handle(Item& item, Timestamp now, SteadyTime steady_now) {
  if (auto* loaded = std::get_if<Loaded>(&item)) {
    take_loaded(*loaded, now, steady_now);
    return;
  }
  auto& pending = std::get<Pending>(item);
  if (state_.load(std::memory_order_relaxed) != ShardState::kServing) {
    pending.done(fail(ErrorCode::kUnavailable, kNotServing));
    return;
  }
  decide(std::move(pending), now, steady_now);
}

void Shard::decide(Pending pending, Timestamp now, SteadyTime steady_now) {
  if (steady_now > pending.deadline) {
    pending.done(fail(ErrorCode::kDeadlineExceeded, "the shard was too busy to decide in time"));
    return;
  }
  auto answer = engine_.decide(pending.command, now);
  if (!answer) {
    wait_for_load(std::move(pending));
    return;
  }
  held_.push_back({std::move(*answer), pending.deadline, std::move(pending.done)});
}

void Shard::wait_for_load(Pending pending) {
  if (waiting_commands_ >= options_.mailbox_commands_max) {
    pending.done(fail(ErrorCode::kOverloaded, "too many commands wait for packets to load"));
    return;
  }
  const PacketKey key = packet_of(pending.command);
  auto& waiters = waiting_[key];
  waiters.push_back(std::move(pending));
  ++waiting_commands_;
  if (waiters.size() == 1) {
    load_requests_.push_unbounded(key);
  }
}

void Shard::take_loaded(Loaded& loaded, Timestamp now, SteadyTime steady_now) {
  const auto it = waiting_.find(loaded.key);
  CHECK(it != waiting_.end());
  std::vector<Pending> waiters = std::move(it->second);
  waiting_.erase(it);
  waiting_commands_ -= waiters.size();
  auto admitted = state_.load(std::memory_order_relaxed) != ShardState::kServing
                      ? fail(ErrorCode::kUnavailable, kNotServing)
                  : loaded.stored ? engine_.loaded(loaded.key, *loaded.stored)
                                  : Result<void>(std::unexpected(loaded.stored.error()));
  for (Pending& waiter : waiters) {
    if (admitted) {
      decide(std::move(waiter), now, steady_now);
    } else {
      waiter.done(std::unexpected(admitted.error()));
    }
  }
}

void Shard::finish_batch() {
  const CommitBatch& batch = engine_.batch();
  if (!batch.vouchers.empty()) {
    const SteadyTime began = clock_.steady_now();
    const CommitOutcome outcome = store_.commit(batch);
    metrics_.commit_seconds.Observe(std::chrono::duration<double>(clock_.steady_now() - began).count());
    if (outcome == CommitOutcome::kFenced) {
      lose();
      return;
    }
    if (outcome == CommitOutcome::kUnknown) {
      begin_recovery();
      return;
    }
    metrics_.batch_vouchers.Observe(static_cast<double>(batch.vouchers.size()));
    stream_.publish(id_, batch.vouchers);
    next_voucher_.store(batch.next().value);
  }
  engine_.committed();
  resident_packets_.store(engine_.resident_packets());
  resident_bytes_.store(engine_.resident_bytes());
  metrics_.resident_bytes.Set(static_cast<double>(engine_.resident_bytes()));
  answer_held();
}

void Shard::answer_held() {
  for (Held& held : held_) {
    held.done(std::move(held.answer));
  }
  held_.clear();
}

void Shard::fail_held(ErrorCode code, const std::string& detail) {
  for (Held& held : held_) {
    held.done(fail(code, detail));
  }
  held_.clear();
}

// The engine keeps the batch, and `held_` its answers, until a later step has learnt what became of it.
void Shard::begin_recovery() {
  state_.store(ShardState::kRecovering);
  metrics_.recoveries.Increment();
  const CommitBatch& batch = engine_.batch();
  log_warn("commit_unknown", {{"shard", to_text(id_)},
                              {"from_voucher", batch.expected_next.value},
                              {"vouchers", static_cast<int64_t>(batch.vouchers.size())}});
}

// False: the store did not say.
bool Shard::recover() {
  const CommitBatch batch = engine_.batch();
  const Result<bool> landed = resolve(batch);
  if (!landed) {
    log_warn("shard_waits_for_store", {{"shard", to_text(id_)}, {"error", landed.error().detail}});
    refuse_while_recovering();
    if (mailbox_.closed()) {  // stopping: the next start resolves it
      fail_held(ErrorCode::kOutcomeUnknown, "the server stopped before the outcome was known");
      lose();
      return true;
    }
    return false;
  }
  log_info("commit_resolved", {{"shard", to_text(id_)}, {"landed", *landed}});
  if (*landed) {
    stream_.publish(id_, batch.vouchers);
    answer_held();
  } else {
    fail_held(ErrorCode::kUnavailable, "the store refused the write; nothing took effect");
  }
  return true;
}

// Takes the shard again, which ends whatever was on its way, and compares the log with what the batch would have
// written. On success the shard serves under the new epoch.
Result<bool> Shard::resolve(const CommitBatch& batch) {
  const auto head = store_.acquire(options_.owner);
  if (!head) {
    return std::unexpected(head.error());
  }
  bool landed = false;
  if (head->next_voucher != batch.expected_next) {
    const auto log = store_.read_log(batch.expected_next, batch.vouchers.size());
    if (!log) {
      return std::unexpected(log.error());
    }
    landed = *log == batch.vouchers;
  }
  own(*head);
  return landed;
}

void Shard::refuse_while_recovering() {
  const SteadyTime now = clock_.steady_now();
  const auto overdue =
      std::partition(held_.begin(), held_.end(), [&](const Held& held) { return held.deadline >= now; });
  for (auto it = overdue; it != held_.end(); ++it) {
    it->done(fail(ErrorCode::kOutcomeUnknown, "the store did not say whether the write took effect; ask again"));
  }
  held_.erase(overdue, held_.end());

  std::vector<Item> items;
  mailbox_.take(items, options_.mailbox_commands_max, std::chrono::milliseconds(0));
  for (Item& item : items) {
    if (auto* pending = std::get_if<Pending>(&item)) {
      pending->done(fail(ErrorCode::kUnavailable, "the shard is recovering"));
    } else {
      // Nothing of what was read is kept across a recovery.
      auto& loaded = std::get<Loaded>(item);
      loaded.stored = fail(ErrorCode::kUnavailable, "the shard is recovering");
      take_loaded(loaded, Timestamp(), now);
    }
  }
}

void Shard::lose() {
  log_error("shard_lost", {{"shard", to_text(id_)}});
  state_.store(ShardState::kLost);
  fail_held(ErrorCode::kUnavailable, "another process owns this shard");
  engine_.start({});
}

}  // namespace hongbao
