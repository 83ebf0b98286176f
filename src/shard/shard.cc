#include "shard/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/log_rate.h"
#include "base/thread.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kIdleWait{1'000};
constexpr std::chrono::milliseconds kLoaderPoll{1};
constexpr std::chrono::microseconds kGatherLook{500};  // between two looks at how much has gathered
constexpr const char* kAwayDetail = "another node owns this shard";
constexpr const char* kRecoveringDetail = "the shard is recovering";

}  // namespace

std::string_view to_text(ShardState state) {
  switch (state) {
    case ShardState::kAway:
      return "away";
    case ShardState::kServing:
      return "serving";
    case ShardState::kRecovering:
      return "recovering";
    case ShardState::kStopped:
      return "stopped";
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
      closed_gate_(empty_table_, options_.opens_in_flight_max),
      mailbox_(options_.mailbox_commands_max),
      lease_(id, store, clock, {options_.owner, options_.lease, options_.acquire_pause}),
      loader_(id, store, clock, options_.mailbox_commands_max,
              [this](LoadedPacket loaded) { mailbox_.push_unbounded(std::move(loaded)); }),
      engine_(id, table_, options_.engine),
      waiters_(options_.mailbox_commands_max),
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
          add_counter(registry, "hongbao_commits_unknown_total",
                      "Commits of which the store did not say whether they took effect.", {{"shard", to_text(id)}}),
      } {}

Shard::~Shard() {
  stop();
}

void Shard::want(bool wanted) {
  if (lease_.want(wanted)) {
    mailbox_.push_unbounded(Wanted{});
  }
}

Result<void> Shard::acquire() {
  lease_.want(true);
  const auto acquired = lease_.acquire();
  if (!acquired) {
    return std::unexpected(acquired.error());
  }
  own(*acquired);
  return {};
}

void Shard::start() {
  writer_ = std::thread([this] { write_loop(); });
  loader_.start();
}

void Shard::stop() {
  mailbox_.close();
  if (writer_.joinable()) {
    writer_.join();
  }
  loader_.stop();
  lease_.let_go();
  state_.store(ShardState::kStopped);
}

Result<PacketKey> Shard::new_packet_key(Timestamp now) {
  const ShardState state = state_.load();
  // One that serves without its lease is just being given back, or about to find out.
  if (state == ShardState::kAway || (state == ShardState::kServing && !owns())) {
    return fail(ErrorCode::kFenced, kAwayDetail);
  }
  if (state != ShardState::kServing) {
    return fail(ErrorCode::kUnavailable, "this shard does not take orders now");
  }
  const auto number = numbers_.next(now);
  if (!number) {
    return fail(ErrorCode::kUnavailable, "this shard has no packet numbers left today");
  }
  return PacketKey{id_, Day::of(now), *number};
}

void Shard::submit(Command command, SteadyTime deadline, Done<ShardAnswer> done) {
  CHECK(packet_of(command).shard == id_);
  Item item = PendingCommand{std::move(command), deadline, std::move(done)};
  const auto push = mailbox_.push(item);
  if (push == Mailbox<Item>::Push::kTaken) {
    return;
  }
  const bool full = push == Mailbox<Item>::Push::kFull;
  std::get<PendingCommand>(item).done(full ? fail(ErrorCode::kOverloaded, "the shard's mailbox is full")
                                           : fail(ErrorCode::kShuttingDown, "the server is stopping"));
}

ShardStatus Shard::status() const {
  return {.state = state_.load(),
          .wanted = lease_.wanted(),
          .lease_left = lease_.left(),
          .commit_pending = lease_.pending(),
          .epoch = lease_.epoch(),
          .next_voucher = {next_voucher_.load()},
          .mailbox_depth = mailbox_.depth(),
          .resident_packets = resident_packets_.load(),
          .resident_bytes = resident_bytes_.load()};
}

void Shard::write_loop() {
  name_this_thread("shard-" + to_text(id_));
  const auto idle_wait = std::min(kIdleWait, options_.lease / (2 * ShardLease::kRenewalsPerLease));
  auto pause = options_.recovery_pause_min;
  while (true) {
    if (write_step(idle_wait)) {
      pause = options_.recovery_pause_min;
      if (std::exchange(has_committed_, false)) {
        gather();
      }
    } else if (state_.load(std::memory_order_relaxed) == ShardState::kRecovering) {
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, options_.recovery_pause_max);
    } else if (mailbox_.closed()) {
      if (waiters_.empty()) {
        break;
      }
      std::this_thread::sleep_for(kLoaderPoll);  // the loader still has work for us
    }
  }
  if (state_.load() == ShardState::kServing) {
    give_back();
  }
}

void Shard::gather() {
  const SteadyTime end = std::chrono::steady_clock::now() + options_.gather;
  SteadyTime now = end - options_.gather;
  while (now < end && mailbox_.depth() < options_.gather_commands_max && !mailbox_.closed()) {
    std::this_thread::sleep_for(std::min<SteadyTime::duration>(end - now, kGatherLook));
    now = std::chrono::steady_clock::now();
  }
}

bool Shard::write_step(std::chrono::milliseconds idle_wait) {
  switch (state_.load(std::memory_order_relaxed)) {
    case ShardState::kAway:
      return write_away(idle_wait);
    case ShardState::kServing:
      return write_serving(idle_wait);
    case ShardState::kRecovering:
      return recover();
    case ShardState::kStopped:
      return false;
  }
  CHECK(false);
}

bool Shard::write_away(std::chrono::milliseconds idle_wait) {
  if (!mailbox_.closed()) {
    if (const auto acquired = lease_.acquire_if_due()) {
      own(*acquired);  // whether it is still wanted is seen at the next step
      return true;
    }
  }
  refuse_all(ErrorCode::kFenced, kAwayDetail,
             lease_.wanted() ? std::min(idle_wait, options_.acquire_pause) : idle_wait);
  return false;
}

bool Shard::write_serving(std::chrono::milliseconds idle_wait) {
  if (!lease_.wanted()) {
    give_back();
    return true;
  }
  if (!keep_lease()) {
    return true;
  }
  waiters_.refuse_overdue(clock_.steady_now());
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

void Shard::refuse_all(ErrorCode code, const char* detail, std::chrono::milliseconds idle_wait) {
  items_.clear();
  mailbox_.take(items_, options_.mailbox_commands_max, idle_wait);
  for (Item& item : items_) {
    if (auto* command = std::get_if<PendingCommand>(&item)) {
      command->done(fail(code, detail));
    }
  }
}

void Shard::handle(Item& item, Timestamp now, SteadyTime steady_now) {
  if (auto* loaded = std::get_if<LoadedPacket>(&item)) {
    take_loaded(*loaded, now, steady_now);
    return;
  }
  if (auto* command = std::get_if<PendingCommand>(&item)) {
    decide(std::move(*command), now, steady_now);
  }
}

void Shard::decide(PendingCommand command, Timestamp now, SteadyTime steady_now) {
  if (steady_now > command.deadline) {
    command.done(fail(ErrorCode::kDeadlineExceeded, "the shard did not come to it in time"));
    return;
  }
  auto answer = engine_.decide(command.command, now);
  if (!answer) {
    wait_for_load(std::move(command));
    return;
  }
  held_.push_back({std::move(*answer), command.deadline, std::move(command.done)});
}

void Shard::wait_for_load(PendingCommand command) {
  const LoadRequest request{packet_of(command.command), lease_.epoch(), command.deadline};
  if (waiters_.add(std::move(command))) {
    loader_.ask(request);
  }
}

void Shard::take_loaded(LoadedPacket& loaded, Timestamp now, SteadyTime steady_now) {
  if (loaded.request.epoch != lease_.epoch()) {
    return;  // read in an earlier time of this shard: others may have written since, and nobody waits
  }
  auto waiters = waiters_.take(loaded.request.packet);
  if (!waiters) {
    return;  // likewise, when the store went back to an older copy of itself and gave this epoch twice
  }
  auto admitted = loaded.stored ? engine_.loaded(loaded.request.packet, *loaded.stored)
                                : Result<void>(std::unexpected(loaded.stored.error()));
  if (loaded.stored && !admitted && admitted.error().code == ErrorCode::kStorage) {
    const auto& [shard, day, local] = loaded.request.packet;
    if (const auto left_out = log_turn("packet_damaged", to_text(shard))) {
      log_error("packet_damaged", {{"shard", to_text(shard)},
                                   {"day", day.yyyymmdd()},
                                   {"local", local.value},
                                   {"broken", admitted.error().detail},
                                   {"suppressed", *left_out}});
    }
  }
  for (PendingCommand& waiter : *waiters) {
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
    const SteadyTime began = lease_.begin_commit();
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
    has_committed_ = true;
    lease_.extend(began);
    metrics_.batch_vouchers.Observe(static_cast<double>(batch.vouchers.size()));
    stream_.publish(id_, lease_.term(), batch.vouchers);
    next_voucher_.store(batch.next().value);
  } else if (!held_.empty() && !keep_lease()) {
    return;  // what memory says is only true for the owner
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

// --- whose the shard is
// -----------------------------------------------------------------------------------------------

void Shard::own(const ShardLease::Acquired& acquired) {
  engine_.start(acquired.head);
  next_voucher_.store(acquired.head.next_voucher.value);
  numbers_.start(acquired.head.epoch);
  lease_.hold(acquired);
  state_.store(ShardState::kServing);
}

// False: the shard is not this process's any more, or it can't be known.
bool Shard::keep_lease() {
  switch (lease_.keep()) {
    case ShardLease::Kept::kYes:
      return true;
    case ShardLease::Kept::kLost:
      lose();
      return false;
    case ShardLease::Kept::kUnknown:
      begin_recovery();
      return false;
  }
  CHECK(false);
}

void Shard::give_back() {
  lease_.give_back();
  go_away();
  log_info("shard_given_back", {{"shard", to_text(id_)}, {"epoch", lease_.epoch()}});
}

// Another owner has it, or may have. Who that is, is asked behind the answers that are owed.
void Shard::lose() {
  go_away();
  lease_.log_loss();
}

// Nothing of the memory is kept. Whatever was held has not taken effect.
void Shard::go_away() {
  lease_.let_go();
  state_.store(ShardState::kAway);
  fail_held(ErrorCode::kFenced, kAwayDetail);
  waiters_.refuse_all(ErrorCode::kFenced, kAwayDetail);
  engine_.start({});
}

// --- a commit in doubt
// ------------------------------------------------------------------------------------------------

// The engine keeps the batch, and `held_` its answers, until a later step has learnt what became of it.
void Shard::begin_recovery() {
  state_.store(ShardState::kRecovering);
  waiters_.refuse_all(ErrorCode::kUnavailable, kRecoveringDetail);
  metrics_.recoveries.Increment();
  const CommitBatch& batch = engine_.batch();
  if (!batch.vouchers.empty()) {
    metrics_.commits_unknown.Increment();
  }
  if (const auto left_out = log_turn("commit_unknown", to_text(id_))) {
    log_warn("commit_unknown", {{"shard", to_text(id_)},
                                {"from_voucher", batch.expected_next.value},
                                {"vouchers", static_cast<int64_t>(batch.vouchers.size())},
                                {"suppressed", *left_out}});
  }
}

// False: the store did not say.
bool Shard::recover() {
  const CommitBatch batch = engine_.batch();
  const auto resolved = lease_.resolve(batch);
  if (!resolved) {
    return leave_in_doubt(resolved.error());
  }
  if (const auto left_out = log_turn("commit_resolved", to_text(id_))) {
    log_info("commit_resolved", {{"shard", to_text(id_)}, {"landed", resolved->landed}, {"suppressed", *left_out}});
  }
  if (resolved->acquired) {
    own(*resolved->acquired);
  }
  if (resolved->landed) {
    stream_.publish(id_, lease_.term(), batch.vouchers);
    answer_held();
  } else {
    fail_held(ErrorCode::kUnavailable, "the store refused the write; nothing took effect");
  }
  if (!resolved->acquired) {
    lose();
  }
  return true;
}

// Tells those who can't wait any longer. True: the shard stops, and its next owner resolves it.
bool Shard::leave_in_doubt(const Error& error) {
  const auto pending = lease_.pending();  // looks at the clock, whether it is told or not: simulated runs repeat
  if (const auto left_out = log_turn("shard_waits_for_store", to_text(id_))) {
    log_warn(
        "shard_waits_for_store",
        {{"shard", to_text(id_)}, {"for_ms", pending.count()}, {"error", error.detail}, {"suppressed", *left_out}});
  }
  refuse_overdue(held_, clock_.steady_now(), ErrorCode::kOutcomeUnknown,
                 "the store did not say whether the write took effect; ask again");
  refuse_all(ErrorCode::kUnavailable, kRecoveringDetail, std::chrono::milliseconds(0));
  if (!mailbox_.closed()) {
    return false;
  }
  fail_held(ErrorCode::kOutcomeUnknown, "the server stopped before the outcome was known");
  go_away();
  log_warn("shard_left_in_doubt", {{"shard", to_text(id_)}, {"epoch", lease_.epoch()}});
  return true;
}

}  // namespace hongbao
