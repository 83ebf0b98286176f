#include "sim/world.h"

#include <fmt/format.h>

#include <algorithm>

#include "service/audit.h"

namespace hongbao::sim {
namespace {

constexpr uint32_t kStepsUntilIdle = 100;  // for each writer
constexpr int kRoundsMax = 100;
constexpr uint64_t kStepsPerCopy = 150;
constexpr int kRoundsBehindMax = 4;
constexpr std::chrono::hours kRound{6};
constexpr uint64_t kTicksMost_ms = 160;  // over all writers, of which one acts in a tick: each has its own pace
// A process that nothing hinders does its work far more often; at the other pace a writer's turn may come once in
// seconds, which would say nothing of how soon a shard is taken.
constexpr uint64_t kUnhinderedTicksMost_ms = kTicksMost_ms / 8;
constexpr int kMeantimesMax = 3;
// A dead node's shards are taken within 5 s when leases are 3 s long; unless a commit that it left on its way comes
// through at the last moment and renews the lease once more.
constexpr auto kTakeoverMax = [](std::chrono::milliseconds lease) { return lease + lease * 5 / 3; };

class Within {
 public:
  explicit Within(int& depth) : depth_(depth) { ++depth_; }
  ~Within() { --depth_; }
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;

 private:
  int& depth_;
};

}  // namespace

World::World(Environment& env)
    : env_(env),
      ticks_most_ms_(kTicksMost_ms),
      engines_(env),
      network_(env, cluster_),
      callers_(env, engines_, network_),
      cluster_(env, engines_, network_, [this](uint64_t number) {
        callers_.lose(number);
        network_.lose(number);
        audit();
      }) {
  env.meanwhile = [this](Moment moment) { meanwhile(moment); };
  env.cut_off = [this] { return cluster_.acting_is_cut_off(); };
}

void World::play() {
  while (ticks_ < env_.scenario.steps && env_.violations.empty()) {
    tick();
  }
}

void World::tick() {
  if (ticks_++ % 64 == 0) {
    audit();
  }
  let_time_pass();
  strike();
  cluster_.supervise();
  act();
  if (auto twice = cluster_.owned_twice(); !twice.empty()) {
    env_.violation(std::move(twice));
  }
}

void World::act() {
  if (network_.is_busy() && env_.dice.one_in(3)) {
    const Within one_more(asks_);
    network_.step();
    return;
  }
  if (Process* process = cluster_.somebody()) {
    act(*process);
  }
}

void World::act(Process& process) {
  if (!env_.dice.one_in(3)) {
    cluster_.play(process, &Process::step);
    return;
  }
  callers_.step(process, [&](const auto& call) {
    const Within one_more(asks_);
    cluster_.play(process, call);
  });
}

// A process waits in the middle of a step, or is stopped there.
void World::meanwhile(Moment moment) {
  const Process* here = cluster_.acting();
  if (here == nullptr || meantimes_ == kMeantimesMax) {
    return;
  }
  const Within one_more(meantimes_);  // also when the process turns out to be gone
  const auto a_while = [&] { play_for(env_.scenario.lease * env_.dice.between(1, 12) / 4); };
  const auto a_moment = [&] {
    for (uint64_t i = env_.dice.between(1, 4); i > 0; --i) {
      act();
    }
  };
  if (env_.faults.strikes(moment == Moment::kClock ? Fault::kStoppedAtClock : Fault::kStoppedInCall)) {
    callers_.grow_impatient(here->number());
    cluster_.in_the_meantime(/*stopped=*/true, a_while);
    if (asks_ == 0) {  // who asks may hold a lock of the process
      cluster_.in_the_meantime(/*stopped=*/false, a_moment);
    }
  } else if (moment == Moment::kLoad && env_.faults.strikes(Fault::kOrdersLoadSlow)) {
    cluster_.in_the_meantime(/*stopped=*/false, a_while);
  } else if (moment != Moment::kClock && env_.dice.one_in(5)) {
    cluster_.in_the_meantime(/*stopped=*/false, a_moment);
  }
}

void World::play_for(std::chrono::milliseconds time) {
  const SteadyTime until = env_.clock.steady_now() + time;
  while (env_.clock.steady_now() < until && ticks_ < env_.scenario.steps) {
    tick();
  }
}

void World::let_time_pass() {
  Dice& dice = env_.dice;
  const uint64_t writers = uint64_t{env_.scenario.nodes} * env_.scenario.shards;
  env_.pass(std::chrono::milliseconds(dice.below(std::max<uint64_t>(ticks_most_ms_ / writers, 1) + 1)));
  if (env_.faults.stopped() || dice.below(1'000) >= env_.scenario.pauses_per_1000) {
    return;
  }
  const auto pause = std::chrono::minutes(dice.one_in(5) ? dice.below(13 * 60) : dice.below(9));
  dice.one_in(2) ? env_.pass(pause) : env_.clock.jump(pause);  // all machines were frozen; or only nobody asked
}

void World::strike() {
  Faults& faults = env_.faults;
  if (env_.scenario.faults[Fault::kRestored] > 0 && meantimes_ == 0 && !faults.stopped()) {
    copy_or_restore();
  }
  cluster_.strike();
  if (faults.strikes(Fault::kCacheWiped)) {
    engines_.cache.wipe();
  }
  using std::chrono::hours;
  for (const auto& [fault, jump] : {std::pair{Fault::kClockHourForward, hours(1)},
                                    {Fault::kClockHourBack, hours(-1)},
                                    {Fault::kClockDayForward, hours(24)},
                                    {Fault::kClockDayBack, hours(-24)}}) {
    if (faults.strikes(fault)) {
      env_.clock.jump(jump);
    }
  }
  if (faults.strikes(Fault::kDatabaseClockForward)) {
    env_.leases_hold = false;
    env_.database_clock.jump(hours(1));
  }
  if (faults.strikes(Fault::kAccountFrozen)) {
    set_frozen(callers_.users()[env_.dice.below(callers_.users().size())], true);
  }
  if (!frozen_.empty() && env_.dice.one_in(100)) {
    set_frozen(*frozen_.begin(), false);
  }
}

// An operator's backup, and a day on which it is needed. The clocks have gone on.
void World::copy_or_restore() {
  if (!copy_ || env_.dice.one_in(kStepsPerCopy)) {
    copy_ = {engines_.copy(), callers_.told()};
  }
  if (!env_.faults.strikes(Fault::kRestored)) {
    return;
  }
  cluster_.kill_all();
  engines_.restore(copy_->first);
  callers_.go_back(copy_->second);
  if (env_.dice.one_in(2)) {
    engines_.cache.wipe();
  }
  env_.pass(std::chrono::seconds(env_.dice.between(1, 600)));
  audit();
}

void World::set_frozen(const UserId& user, bool frozen) {
  Process* const process = cluster_.somebody();
  if (process == nullptr) {
    return;
  }
  env_.history.note(frozen ? "freeze" : "thaw");
  frozen_.insert(user);
  process->use_cases.ledgers.of(WalletOwner{user})
      .value()
      ->writer.set_frozen(AccountId::user(user), frozen, [this, user, frozen](Result<void> set) {
        if (set && !frozen) {
          frozen_.erase(user);
        }
      });
}

// The equations hold between any two steps.
void World::audit() {
  std::map<ShardId, OrderStore*> stored;
  for (const auto& [id, store] : engines_.order_stores) {
    stored.emplace(id, &store->stored());
  }
  const auto report = Audit(engines_.stored_ledgers(), engines_.all_ledgers, stored, env_.clock).run(/*deep=*/true);
  if (!report->balanced()) {
    env_.violation(fmt::format("the audit does not balance: difference {}, negative accounts {}, violations {}",
                               report->difference().fen(), report->books().accounts_negative,
                               report->violations.size()));
  }
}

void World::settle_down() {
  env_.faults.stop();
  env_.history.note("faults_stopped");
  cluster_.wake();
  take_places();
  expect_payments_without_payers_end();
  callers_.finish();
  std::string left = "nothing was tried";
  for (int round = 0; round < kRoundsMax && !left.empty() && env_.violations.empty(); ++round) {
    work_until_idle();
    expect_followers_move();
    left = unsettled();
    env_.clock.jump(kRound);  // in which the nodes keep their leases
  }
  audit();
  if (!left.empty()) {
    env_.violation("it never settled: " + left);
  }
}

// Whoever paid and gave up need not come back: reconciliation activates, or returns the money.
void World::expect_payments_without_payers_end() {
  callers_.rest();
  uint64_t pending = pending_payments();
  for (int round = 0; round < kRoundsMax && pending > 0 && env_.violations.empty(); ++round) {
    work_until_idle();
    env_.clock.jump(kRound);
    pending = pending_payments();
  }
  if (pending > 0) {
    env_.violation(fmt::format("{} payments wait for their payers to ask again", pending));
  }
}

uint64_t World::pending_payments() {
  std::vector<ShardId> ids;
  for (const auto& [id, store] : engines_.order_stores) {
    ids.push_back(id);
  }
  uint64_t pending = 0;
  for (const auto& [id, ledger] : engines_.ledgers) {
    const auto totals = ledger->stored().totals(ids);
    for (const LedgerTotals::Shard& shard : totals->shards) {
      pending += shard.pending_count;
    }
  }
  return pending;
}

// Whatever the faults left: every shard has its owner soon.
void World::take_places() {
  const SteadyTime until = env_.clock.steady_now() + kTakeoverMax(env_.scenario.lease);
  ticks_most_ms_ = kUnhinderedTicksMost_ms;
  std::string misplaced = cluster_.misplaced();
  while (!misplaced.empty() && env_.clock.steady_now() < until) {
    tick();
    misplaced = cluster_.misplaced();
  }
  ticks_most_ms_ = kTicksMost_ms;
  if (!misplaced.empty()) {
    env_.violation(std::move(misplaced));
  }
}

void World::work_until_idle() {
  // Every time, because a freeze that one process carries out may come after the thaw by another.
  for (const UserId& user : callers_.users()) {
    set_frozen(user, false);
  }
  for (uint32_t i = kStepsUntilIdle * env_.scenario.nodes * env_.scenario.shards; i > 0; --i) {
    tick();
  }
}

// With leases that stand and stores that answer, no follower stays behind for long.
void World::expect_followers_move() {
  for (const auto& [id, store] : engines_.order_stores) {
    const VoucherNo next = store->stored().head()->next_voucher;
    std::map<std::string, VoucherNo> cursors{{"the inbox", engines_.inbox.stored().cursor(id).value()}};
    for (const auto& [ledger, books] : engines_.ledgers) {
      cursors.emplace("ledger " + to_text(ledger), books->stored().cursor(id).value());
    }
    for (const auto& [name, cursor] : cursors) {
      Place& place = places_[{id, name}];
      const bool stands = cursor == place.cursor && cursor < place.next;
      place = {cursor, next, stands ? place.rounds + 1 : 0};
      if (place.rounds == kRoundsBehindMax) {
        env_.violation(fmt::format("{} does not follow shard {}", name, to_text(id)));
      }
    }
  }
}

std::string World::unsettled() {
  if (!callers_.finished()) {
    return fmt::format("callers still ask, {} wait for an answer", callers_.waiting());
  }
  std::vector<ShardId> ids;
  for (const auto& [id, store] : engines_.order_stores) {
    ids.push_back(id);
  }
  for (const auto& [id, store] : engines_.order_stores) {
    if (store->stored().totals(VoucherNo{1})->packets_active > 0) {
      return "a packet is active long after its expiry";
    }
    if (engines_.inbox.stored().cursor(id).value() != store->stored().head()->next_voucher) {
      return "the inbox is behind the log";
    }
  }
  for (const auto& [id, ledger] : engines_.ledgers) {
    const auto totals = ledger->stored().totals(ids);
    for (const LedgerTotals::Shard& shard : totals->shards) {
      if (shard.cursor != engines_.order_stores.at(shard.shard)->stored().head()->next_voucher) {
        return "settlement is behind the log";
      }
      if (shard.pending_count > 0 || shard.deferred_count > 0) {
        return fmt::format("{} payments pending, {} transfers deferred", shard.pending_count, shard.deferred_count);
      }
    }
    for (const auto& [other, due] : totals->dues) {
      const auto back = engines_.ledgers.at(other)->stored().totals({})->dues;
      const auto theirs = back.find(id);
      if (due + (theirs == back.end() ? Money(0) : theirs->second) != Money(0)) {
        return fmt::format("{} and {} still owe each other", to_text(id), to_text(other));
      }
    }
  }
  return {};
}

}  // namespace hongbao::sim
