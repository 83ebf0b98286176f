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
constexpr size_t kLoadsAtOnceMax = 64;
constexpr int kRenewalsPerLease = 3;
// How much later than its deadline a command that waits for its packet may be told.
constexpr std::chrono::milliseconds kOverduePause{200};
constexpr const char* kAwayDetail = "another node owns this shard";
constexpr const char* kRecoveringDetail = "the shard is recovering";
constexpr const char* kSlowLoadDetail = "the packet could not be read in time";

// Tells those whose deadline has passed, and leaves the others in their order.
template <class Waiting>
void refuse_overdue(std::vector<Waiting>& all, SteadyTime now, ErrorCode code, const char* detail) {
  std::erase_if(all, [&](Waiting& each) {
    if (each.deadline >= now) {
      return false;
    }
    each.done(fail(code, detail));
    return true;
  });
}

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
      load_requests_(options_.mailbox_commands_max),
      cold_requests_(options_.mailbox_commands_max),
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
          add_counter(registry, "hongbao_commits_unknown_total",
                      "Commits of which the store did not say whether they took effect.", {{"shard", to_text(id)}}),
      } {}

Shard::~Shard() {
  stop();
}

void Shard::want(bool wanted) {
  if (wanted_.exchange(wanted) != wanted) {
    mailbox_.push_unbounded(Wanted{});
  }
}

Result<void> Shard::acquire() {
  wanted_.store(true);
  return take();
}

Result<void> Shard::take() {
  const SteadyTime from = clock_.steady_now();
  const auto head = store_.acquire(options_.owner, options_.lease);
  if (!head) {
    return std::unexpected(head.error());
  }
  own(*head, from);
  return {};
}

void Shard::start() {
  writer_ = std::thread([this] { write_loop(); });
  loader_ = std::thread([this] { load_loop("loader-", &Shard::load_step, load_requests_); });
  cold_loader_ = std::thread([this] { load_loop("cold-", &Shard::load_cold_step, cold_requests_); });
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
  cold_requests_.close();
  if (cold_loader_.joinable()) {
    cold_loader_.join();
  }
  lease_until_.store(SteadyTime());
  state_.store(ShardState::kStopped);
}

void Shard::own(const ShardHead& head, SteadyTime from) {
  engine_.start(head);
  next_voucher_.store(head.next_voucher.value);
  {
    const std::lock_guard lock(key_mutex_);
    epoch_ = head.epoch;
    next_local_.clear();
  }
  extend_lease(from);
  state_.store(ShardState::kServing);
  if (const auto left_out = log_turn("shard_owned", to_text(id_))) {
    log_info("shard_owned", {{"shard", to_text(id_)},
                             {"owner", options_.owner.name},
                             {"epoch", head.epoch},
                             {"next_voucher", head.next_voucher.value},
                             {"suppressed", *left_out}});
  }
}

// `from`: before the database was asked, so that the lease lapses here first.
void Shard::extend_lease(SteadyTime from) {
  const bool forever = options_.lease >= kLeaseForever;
  renew_at_ = forever ? kForever : from + options_.lease / kRenewalsPerLease;
  lease_until_.store(forever ? kForever : from + options_.lease, std::memory_order_release);
}

// False: the shard is not this process's any more, or it can't be known.
bool Shard::keep_lease() {
  const SteadyTime now = clock_.steady_now();
  if (now < renew_at_) {
    return true;
  }
  commit_since_.store(now);
  const auto renewed = store_.renew(epoch_);
  if (renewed || owns()) {
    commit_since_.store(SteadyTime());
  }
  if (renewed && *renewed) {
    extend_lease(now);
    return true;
  }
  if (renewed) {
    lose();
    return false;
  }
  if (owns()) {
    renew_at_ = now + options_.acquire_pause;
    return true;
  }
  begin_recovery();
  return false;
}

void Shard::give_back() {
  lease_until_.store(SteadyTime());  // before anybody else may take it
  if (const auto released = store_.release(epoch_); !released) {
    log_warn("lease_not_released", {{"shard", to_text(id_)}, {"error", released.error().detail}});
  }
  const uint32_t epoch = epoch_;
  go_away();
  log_info("shard_given_back", {{"shard", to_text(id_)}, {"epoch", epoch}});
}

// Another owner has it, or may have. Who that is, is asked behind the answers that are owed.
void Shard::lose() {
  go_away();
  const auto tenure = store_.tenure();
  if (const auto left_out = log_turn("shard_lost", to_text(id_))) {
    log_warn("shard_lost", {{"shard", to_text(id_)},
                            {"epoch", epoch_},
                            {"owner", tenure ? tenure->owner : "unknown: " + tenure.error().detail},
                            {"suppressed", *left_out}});
  }
}

// Nothing of the memory is kept. Whatever was held has not taken effect.
void Shard::go_away() {
  lease_until_.store(SteadyTime());
  commit_since_.store(SteadyTime());
  state_.store(ShardState::kAway);
  acquire_at_ = clock_.steady_now() + options_.acquire_pause;
  fail_held(ErrorCode::kFenced, kAwayDetail);
  fail_waiting(ErrorCode::kFenced, kAwayDetail);
  engine_.start({});
}

Result<PacketKey> Shard::new_packet_key(Timestamp now) {
  const Day day = Day::of(now);
  const std::lock_guard lock(key_mutex_);
  const ShardState state = state_.load();
  // One that serves without its lease is just being given back, or about to find out.
  if (state == ShardState::kAway || (state == ShardState::kServing && !owns())) {
    return fail(ErrorCode::kFenced, kAwayDetail);
  }
  if (state != ShardState::kServing) {
    return fail(ErrorCode::kUnavailable, "this shard does not take orders now");
  }
  uint32_t& next = next_local_[day];
  const uint32_t counter = std::max(next, LocalNo::counter_at(now));
  if (counter > LocalNo::kCounterMax) {
    return fail(ErrorCode::kUnavailable, "this shard has no packet numbers left today");
  }
  next = counter + 1;
  return PacketKey{id_, day, LocalNo::of(epoch_, counter)};
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
  const SteadyTime now = clock_.steady_now();
  const SteadyTime until = lease_until_.load();
  const SteadyTime since = commit_since_.load();
  const auto between = [](SteadyTime from, SteadyTime to) {
    const auto time = std::chrono::ceil<std::chrono::milliseconds>(to - from);
    return std::max(time, std::chrono::milliseconds(0));
  };
  ShardStatus status{.state = state_.load(),
                     .wanted = wanted_.load(),
                     .next_voucher = {next_voucher_.load()},
                     .mailbox_depth = mailbox_.depth(),
                     .resident_packets = resident_packets_.load(),
                     .resident_bytes = resident_bytes_.load()};
  if (until != SteadyTime()) {
    status.lease_left = until == kForever ? kLeaseForever : between(now, until);
  }
  if (since != SteadyTime()) {
    status.commit_pending = between(since, now);
  }
  const std::lock_guard lock(key_mutex_);
  status.epoch = epoch_;
  return status;
}

void Shard::write_loop() {
  name_this_thread("shard-" + to_text(id_));
  const auto idle_wait = std::min(kIdleWait, options_.lease / (2 * kRenewalsPerLease));
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
      if (waiting_.empty()) {
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
  const SteadyTime now = clock_.steady_now();
  if (wanted_.load() && now >= acquire_at_ && !mailbox_.closed()) {
    const auto acquired = take();  // whether it is still wanted is seen at the next step
    if (acquired) {
      return true;
    }
    acquire_at_ = now + options_.acquire_pause;
    if (acquired.error().code != ErrorCode::kFenced) {
      if (const auto left_out = log_turn("shard_not_acquired", to_text(id_))) {
        log_warn("shard_not_acquired",
                 {{"shard", to_text(id_)}, {"error", acquired.error().detail}, {"suppressed", *left_out}});
      }
    }
  }
  refuse_all(ErrorCode::kFenced, kAwayDetail, wanted_.load() ? std::min(idle_wait, options_.acquire_pause) : idle_wait);
  return false;
}

bool Shard::write_serving(std::chrono::milliseconds idle_wait) {
  if (!wanted_.load()) {
    give_back();
    return true;
  }
  if (!keep_lease()) {
    return true;
  }
  refuse_overdue_waiting();
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

void Shard::load_loop(const char* name, LoadStep step, const Mailbox<LoadRequest>& requests) {
  name_this_thread(name + to_text(id_));
  while ((this->*step)(kIdleWait) || !requests.closed()) {
  }
}

bool Shard::load_step(std::chrono::milliseconds idle_wait) {
  std::vector<LoadRequest> requests;
  load_requests_.take(requests, kLoadsAtOnceMax, idle_wait);
  for (const LoadRequest& request : requests) {
    auto found = store_.load_hot(request.key);
    if (found && found->may_be_cold) {
      cold_requests_.push_unbounded(request);
      continue;
    }
    mailbox_.push_unbounded(Loaded{request, found ? Result<std::optional<StoredPacket>>(std::move(found->packet))
                                                  : std::unexpected(found.error())});
  }
  return !requests.empty();
}

// When cold storage is slower than packets are asked for, those that nobody waits for any more are left out.
bool Shard::load_cold_step(std::chrono::milliseconds idle_wait) {
  std::vector<LoadRequest> requests;
  cold_requests_.take(requests, kLoadsAtOnceMax, idle_wait);
  for (const LoadRequest& request : requests) {
    const bool overdue = clock_.steady_now() > request.deadline;
    mailbox_.push_unbounded(
        Loaded{request, overdue ? fail(ErrorCode::kDeadlineExceeded, kSlowLoadDetail) : store_.load(request.key)});
  }
  return !requests.empty();
}

void Shard::handle(Item& item, Timestamp now, SteadyTime steady_now) {
  if (auto* loaded = std::get_if<Loaded>(&item)) {
    take_loaded(*loaded, now, steady_now);
    return;
  }
  if (auto* pending = std::get_if<Pending>(&item)) {
    decide(std::move(*pending), now, steady_now);
  }
}

void Shard::decide(Pending pending, Timestamp now, SteadyTime steady_now) {
  if (steady_now > pending.deadline) {
    pending.done(fail(ErrorCode::kDeadlineExceeded, "the shard did not come to it in time"));
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
  const auto [waiters, is_first] = waiting_.try_emplace(key);
  if (is_first) {
    load_requests_.push_unbounded({key, epoch_, pending.deadline});
  }
  waiters->second.push_back(std::move(pending));
  ++waiting_commands_;
}

void Shard::take_loaded(Loaded& loaded, Timestamp now, SteadyTime steady_now) {
  if (loaded.request.epoch != epoch_) {
    return;  // read in an earlier time of this shard: others may have written since, and nobody waits
  }
  const auto it = waiting_.find(loaded.request.key);
  if (it == waiting_.end()) {
    return;  // likewise, when the store went back to an older copy of itself and gave this epoch twice
  }
  std::vector<Pending> waiters = std::move(it->second);
  waiting_.erase(it);
  waiting_commands_ -= waiters.size();
  auto admitted = loaded.stored ? engine_.loaded(loaded.request.key, *loaded.stored)
                                : Result<void>(std::unexpected(loaded.stored.error()));
  if (loaded.stored && !admitted && admitted.error().code == ErrorCode::kStorage) {
    const auto& [shard, day, local] = loaded.request.key;
    if (const auto left_out = log_turn("packet_damaged", to_text(shard))) {
      log_error("packet_damaged", {{"shard", to_text(shard)},
                                   {"day", day.yyyymmdd()},
                                   {"local", local.value},
                                   {"broken", admitted.error().detail},
                                   {"suppressed", *left_out}});
    }
  }
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
    commit_since_.store(began);
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
    commit_since_.store(SteadyTime());
    has_committed_ = true;
    extend_lease(began);
    metrics_.batch_vouchers.Observe(static_cast<double>(batch.vouchers.size()));
    stream_.publish(id_, batch.vouchers);
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

// The engine keeps the batch, and `held_` its answers, until a later step has learnt what became of it.
void Shard::begin_recovery() {
  state_.store(ShardState::kRecovering);
  fail_waiting(ErrorCode::kUnavailable, kRecoveringDetail);
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
  const auto resolved = resolve(batch);
  if (!resolved) {
    if (const auto left_out = log_turn("shard_waits_for_store", to_text(id_))) {
      log_warn("shard_waits_for_store", {{"shard", to_text(id_)},
                                         {"for_ms", status().commit_pending.count()},
                                         {"error", resolved.error().detail},
                                         {"suppressed", *left_out}});
    }
    refuse_overdue_held();
    refuse_all(ErrorCode::kUnavailable, kRecoveringDetail, std::chrono::milliseconds(0));
    if (mailbox_.closed()) {  // stopping: the next owner resolves it
      fail_held(ErrorCode::kOutcomeUnknown, "the server stopped before the outcome was known");
      go_away();
      log_warn("shard_left_in_doubt", {{"shard", to_text(id_)}, {"epoch", epoch_}});
      return true;
    }
    return false;
  }
  if (const auto left_out = log_turn("commit_resolved", to_text(id_))) {
    log_info("commit_resolved", {{"shard", to_text(id_)}, {"landed", resolved->landed}, {"suppressed", *left_out}});
  }
  commit_since_.store(SteadyTime());
  if (resolved->head) {
    own(*resolved->head, resolved->lease_from);
  }
  if (resolved->landed) {
    stream_.publish(id_, batch.vouchers);
    answer_held();
  } else {
    fail_held(ErrorCode::kUnavailable, "the store refused the write; nothing took effect");
  }
  if (!resolved->head) {
    lose();
  }
  return true;
}

// Takes the shard again, which ends whatever was on its way (or learns that another owner has done so), and compares
// the log with what the batch would have written.
Result<Shard::Resolved> Shard::resolve(const CommitBatch& batch) {
  Resolved resolved{.lease_from = clock_.steady_now()};
  auto head = store_.acquire(options_.owner, options_.lease);
  if (head) {
    resolved.head = *head;
  } else if (head.error().code == ErrorCode::kFenced) {
    head = store_.head();
  }
  if (!head) {
    return std::unexpected(head.error());
  }
  if (!batch.vouchers.empty() && head->next_voucher != batch.expected_next) {
    const auto log = store_.read_log(batch.expected_next, batch.vouchers.size());
    if (!log) {
      return std::unexpected(log.error());
    }
    resolved.landed = *log == batch.vouchers;
  }
  return resolved;
}

void Shard::fail_waiting(ErrorCode code, const std::string& detail) {
  for (auto& [key, waiters] : waiting_) {
    for (Pending& waiter : waiters) {
      waiter.done(fail(code, detail));
    }
  }
  waiting_.clear();
  waiting_commands_ = 0;
}

void Shard::refuse_overdue_held() {
  refuse_overdue(held_, clock_.steady_now(), ErrorCode::kOutcomeUnknown,
                 "the store did not say whether the write took effect; ask again");
}

void Shard::refuse_overdue_waiting() {
  if (waiting_.empty()) {
    return;
  }
  const SteadyTime now = clock_.steady_now();
  if (now < look_for_overdue_at_) {
    return;
  }
  look_for_overdue_at_ = now + kOverduePause;
  for (auto& [key, waiters] : waiting_) {
    waiting_commands_ -= waiters.size();
    refuse_overdue(waiters, now, ErrorCode::kDeadlineExceeded, kSlowLoadDetail);
    waiting_commands_ += waiters.size();
  }
}

void Shard::refuse_all(ErrorCode code, const char* detail, std::chrono::milliseconds idle_wait) {
  items_.clear();
  mailbox_.take(items_, options_.mailbox_commands_max, idle_wait);
  for (Item& item : items_) {
    if (auto* pending = std::get_if<Pending>(&item)) {
      pending->done(fail(code, detail));
    }
  }
}

}  // namespace hongbao
