#include "sim/process.h"

namespace hongbao::sim {
namespace {

constexpr std::chrono::milliseconds kNoWait{0};

template <size_t N>
std::array<uint8_t, N> key_of(uint8_t value) {
  std::array<uint8_t, N> key{};
  key.fill(value);
  return key;
}

ShardOptions shard_options(const Scenario& scenario) {
  return {.engine = {.packet_ttl = kPacketTtl, .resident_bytes_max = scenario.resident_bytes_max},
          .batch_commands_max = 16};
}

}  // namespace

Engines::Engines(Environment& env)
    : ledger(env),
      inbox(env),
      stream(env),
      cache(env),
      ids(key_of<16>(1)),
      tickets(key_of<16>(2)),
      pay_tokens(key_of<32>(3)) {
  for (uint16_t i = 0; i < env.scenario.shards; ++i) {
    const ShardId id{Region::kSouth, i};
    const auto& store = order_stores.emplace(id, std::make_unique<SimOrderStore>(id, env)).first->second;
    orders.emplace(id, store.get());
  }
}

Process::Process(Engines& engines, Environment& env, uint64_t number)
    : env_(env),
      engines_(engines),
      number_(number),
      control_({{Region::kSouth, 100}}),
      workers_(1, 1),
      ledger_writer(engines.ledger, env.clock, {}, registry_),
      settler(
          engines.orders, engines.stream, engines.ledger, ledger_writer, control_,
          [this](ShardId id) { return shards_.owns(id); }, env.scenario.batch_vouchers_max, registry_),
      inbox_feed(
          engines.orders, engines.stream, engines.inbox, nullptr, [this](ShardId id) { return shards_.owns(id); },
          env.scenario.batch_vouchers_max),
      refunder(shards_, engines.orders, env.clock),
      reconciler(shards_, engines.ledger, ledger_writer, engines.pay_tokens, env.clock, {}),
      pre_orders(engines.cache, engines.pay_tokens, engines.ids, kPayable + kPacketTtl, env.clock, registry_),
      profiles(engines.cache, env.clock, registry_),
      residency(shards_, pre_orders),
      ordering(shards_, pre_orders, ledger_writer, engines.pay_tokens, engines.ids, control_, env.clock, env.dice,
               [this] { return shards_.taking_orders(); }, {.payable = kPayable}),
      opening(shards_, residency, engines.tickets, control_, env.clock, kTicketTtl),
      viewing(residency, pre_orders, nullptr, profiles, engines.ids),
      wallets(engines.ledger, ledger_writer, workers_, env.clock) {
  for (const auto& [id, store] : engines.orders) {
    shard_ids_.push_back(id);
    shards_.add(std::make_unique<Shard>(id, *store, engines.stream, env.clock, shard_options(env.scenario), registry_));
  }
}

Result<void> Process::start() {
  for (const ShardId id : shard_ids_) {
    if (auto acquired = shards_.find(id)->acquire(); !acquired) {
      return acquired;
    }
  }
  if (auto prepared = settler.prepare(); !prepared) {
    return prepared;
  }
  return inbox_feed.prepare();
}

bool Process::lost_a_shard() const {
  return std::ranges::any_of(shard_ids_,
                             [&](ShardId id) { return shards_.find(id)->status().state == ShardState::kAway; });
}

template <class Step>
void Process::unless_busy(const void* part, Step step) {
  if (busy_.insert(part).second) {
    step();  // if it crashes, nobody will ask again who is busy
    busy_.erase(part);
  }
}

void Process::step() {
  Shard& shard = *shards_.find(shard_ids_[env_.dice.below(shard_ids_.size())]);
  const uint64_t part = env_.dice.below(100);
  if (part < 40) {
    unless_busy(&shard, [&] { shard.write_step(kNoWait); });
  } else if (part < 55) {
    shard.load_step(kNoWait);
  } else if (part < 75) {
    unless_busy(&ledger_writer, [&] { ledger_writer.step(kNoWait); });
  } else if (part < 85) {
    settle();
  } else if (part < 95) {
    unless_busy(&inbox_feed, [&] { (void)inbox_feed.step(/*from_log=*/env_.dice.one_in(4)); });
  } else if (part < 97) {
    refund();
  } else {
    reconcile();
  }
}

void Process::settle() {
  if (!settling_) {
    settling_ = true;
    settler.step(/*from_log=*/env_.dice.one_in(4), [this](Result<size_t>) { settling_ = false; });
  }
}

void Process::refund() {
  if (!refunding_) {
    refunding_ = true;
    refunder.step([this](Result<size_t>) { refunding_ = false; });
  }
}

void Process::reconcile() {
  if (!reconciling_) {
    reconciling_ = true;
    reconciler.step([this](Result<ReconciliationReport>) { reconciling_ = false; });
  }
}

}  // namespace hongbao::sim
