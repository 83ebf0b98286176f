#include "sim/world.h"

#include <fmt/format.h>

#include "service/audit.h"

namespace hongbao::sim {
namespace {

constexpr int kStepsUntilIdle = 400;
constexpr int kRoundsMax = 600;
constexpr std::chrono::hours kRound{2};

}  // namespace

World::World(Environment& env) : env_(env), engines_(env), callers_(env, engines_) {
  env.meanwhile = [this] { meanwhile(); };
  start_process();
}

template <class Act>
void World::in(std::unique_ptr<Process>& process, Act act) {
  acting_ = process.get();
  in_the_meantime_ = false;
  try {
    act(*process);
  } catch (const Crash&) {
    kill(process);
  }
  acting_ = nullptr;
}

void World::kill(std::unique_ptr<Process>& process) {
  const uint64_t number = process->number();
  env_.history.note("process_gone", number);
  process.reset();
  callers_.lose(number);
  audit();
}

void World::start_process() {
  auto process = std::make_unique<Process>(engines_, env_, ++processes_);
  try {
    const auto started = process->start();
    env_.history.note("process_start", process->number(), started ? 1 : 0);
    if (started) {
      current_ = std::move(process);
    }
  } catch (const Crash&) {
    env_.history.note("process_crashed_at_start", process->number());
  }
}

void World::play() {
  for (uint32_t i = 0; i < env_.scenario.steps && env_.violations.empty(); ++i) {
    tick();
    if (i % 64 == 0) {
      audit();
    }
  }
}

void World::tick() {
  let_time_pass();
  strike();
  supervise();
  if (!current_) {
    return;
  }
  auto& process = stale_ && env_.dice.one_in(3) ? stale_ : current_;
  in(process, [&](Process& here) { act(here); });
}

void World::act(Process& process) {
  if (env_.dice.one_in(3)) {
    callers_.step(process);
  } else {
    process.step();
  }
}

void World::meanwhile() {
  if (acting_ == nullptr || in_the_meantime_ || !env_.dice.one_in(3)) {
    return;
  }
  in_the_meantime_ = true;
  for (uint64_t i = env_.dice.between(1, 4); i > 0; --i) {
    act(*acting_);
  }
  in_the_meantime_ = false;
}

void World::let_time_pass() {
  Dice& dice = env_.dice;
  env_.clock.advance(std::chrono::milliseconds(dice.below(20)));
  if (dice.below(1'000) < env_.scenario.pauses_per_1000) {
    env_.clock.advance(dice.one_in(5) ? std::chrono::minutes(dice.below(13 * 60))
                                      : std::chrono::minutes(dice.below(9)));
  }
}

void World::strike() {
  Faults& faults = env_.faults;
  if (current_ && faults.strikes(Fault::kCrash)) {
    kill(current_);
  }
  if (current_ && !stale_ && faults.strikes(Fault::kStaleOwner)) {
    stale_ = std::move(current_);
    start_process();
  }
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
  if (current_ && faults.strikes(Fault::kAccountFrozen)) {
    set_frozen(callers_.users()[env_.dice.below(callers_.users().size())], true);
  }
  if (current_ && !frozen_.empty() && env_.dice.one_in(100)) {
    set_frozen(*frozen_.begin(), false);
  }
}

void World::set_frozen(const UserId& user, bool frozen) {
  env_.history.note(frozen ? "freeze" : "thaw");
  frozen_.insert(user);
  current_->ledger_writer.set_frozen(AccountId::user(user), frozen, [this, user, frozen](Result<void> set) {
    if (set && !frozen) {
      frozen_.erase(user);
    }
  });
}

// What systemd, or an operator, does.
void World::supervise() {
  if (stale_ && env_.dice.one_in(60)) {
    kill(stale_);
  }
  if (current_ && current_->lost_a_shard()) {
    kill(current_);
  }
  if (!current_ && env_.dice.one_in(5)) {
    start_process();
  }
}

// The equations hold between any two steps.
void World::audit() {
  std::map<ShardId, OrderStore*> stored;
  for (const auto& [id, store] : engines_.order_stores) {
    stored.emplace(id, &store->stored());
  }
  const auto report = Audit(engines_.ledger.stored(), stored, env_.clock).run(/*deep=*/true);
  if (!report->balanced()) {
    env_.violation(fmt::format("the audit does not balance: difference {}, negative accounts {}, violations {}",
                               report->difference().fen(), report->ledger.accounts_negative,
                               report->violations.size()));
  }
}

void World::settle_down() {
  env_.faults.stop();
  env_.history.note("faults_stopped");
  if (stale_) {
    kill(stale_);
  }
  callers_.finish();
  // A freeze that a process before this one carried out may have come after its thaw.
  frozen_.insert(callers_.users().begin(), callers_.users().end());
  std::string left = "nothing was tried";
  for (int round = 0; round < kRoundsMax && !left.empty() && env_.violations.empty(); ++round) {
    work_until_idle();
    left = unsettled();
    env_.clock.advance(kRound);
  }
  audit();
  if (!left.empty()) {
    env_.violation("it never settled: " + left);
  }
}

void World::work_until_idle() {
  for (int i = 0; i < kStepsUntilIdle; ++i) {
    env_.clock.advance(std::chrono::milliseconds(1));
    supervise();
    if (current_) {
      in(current_, [&](Process& process) {
        if (i % 8 == 0) {
          callers_.step(process);
        } else {
          process.step();
        }
      });
    }
  }
  thaw_everybody();
}

void World::thaw_everybody() {
  for (const UserId& user : std::set<UserId>(frozen_)) {
    if (current_) {
      set_frozen(user, false);
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
  const auto ledger = engines_.ledger.stored().totals(ids);
  for (const LedgerTotals::Shard& shard : ledger->shards) {
    const auto orders = engines_.order_stores.at(shard.shard)->stored().totals(VoucherNo{1});
    if (orders->packets_active > 0) {
      return "a packet is active long after its expiry";
    }
    if (shard.cursor != orders->next_voucher) {
      return "settlement is behind the log";
    }
    if (engines_.inbox.stored().cursor(shard.shard).value() != orders->next_voucher) {
      return "the inbox is behind the log";
    }
    if (shard.pending_count > 0 || shard.deferred_count > 0) {
      return fmt::format("{} payments pending, {} transfers deferred", shard.pending_count, shard.deferred_count);
    }
  }
  return {};
}

}  // namespace hongbao::sim
