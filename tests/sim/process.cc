#include "sim/process.h"

#include "base/pointers.h"

namespace hongbao::sim {
namespace {

constexpr std::chrono::milliseconds kNoWait{0};
constexpr int kBeatsPerLease = 6;

template <size_t N>
std::array<uint8_t, N> key_of(uint8_t value) {
  std::array<uint8_t, N> key{};
  key.fill(value);
  return key;
}

ShardOptions shard_options(const Scenario& scenario, const std::string& node, uint64_t number) {
  return {.engine = {.packet_ttl = kPacketTtl, .resident_bytes_max = scenario.resident_bytes_max},
          .mailbox_commands_max = 16'384,
          .batch_commands_max = 16,
          .opens_in_flight_max = 4'096,
          .owner = {node, number},
          .lease = scenario.lease};
}

UseCaseOptions use_case_options(const Scenario& scenario, const Ledgers& ledgers) {
  return {.ledgers = ledgers,
          .ledger = {.deferral = kDeferral},
          .follower_batch_vouchers_max = scenario.batch_vouchers_max,
          .reconciler = {.grace = kGrace, .deferral = kDeferral, .deferral_max = kDeferralMax},
          .archive = {},
          .ordering = {.payable = kPayable},
          .packet_ttl = kPacketTtl,
          .ticket_ttl = kTicketTtl};
}

std::vector<Placement::Group> placement_groups(const Engines& engines) {
  std::vector<Placement::Group> groups;
  for (const auto& [id, membership] : engines.memberships) {
    groups.push_back({membership.get(), {id}});
  }
  return groups;
}

}  // namespace

Engines::Engines(Environment& env)
    : all_ledgers(env.scenario.ledgers),
      inbox(env),
      stream(env),
      cache(env),
      ids(key_of<16>(1)),
      tickets(key_of<16>(2)),
      pay_tokens(key_of<32>(3)) {
  for (const LedgerId id : all_ledgers.all()) {
    ledgers.emplace(id, std::make_unique<SimLedgerStore>(env));
  }
  for (uint16_t i = 0; i < env.scenario.shards; ++i) {
    const ShardId id{Region::kSouth, i};
    const auto& store = order_stores.emplace(id, std::make_unique<SimOrderStore>(id, env)).first->second;
    orders.emplace(id, store.get());
    memberships.emplace(id, std::make_unique<SimMembership>(env, store->outage()));
  }
}

Engines::Copy Engines::copy() const {
  Copy copy{.orders = {}, .ledgers = {}, .inbox = inbox.moment()};
  for (const auto& [id, ledger] : ledgers) {
    copy.ledgers[id] = ledger->moment();
  }
  for (const auto& [id, store] : order_stores) {
    copy.orders[id] = store->moment();
  }
  return copy;
}

void Engines::restore(const Copy& copy) {
  for (const auto& [id, moment] : copy.orders) {
    order_stores.at(id)->go_back(moment);
  }
  for (const auto& [id, moment] : copy.ledgers) {
    ledgers.at(id)->go_back(moment);
  }
  inbox.go_back(copy.inbox);
}

LedgerSet::Stores Engines::ledger_ports() const {
  return pointers_to<LedgerStore>(ledgers);
}

Audit::LedgerStores Engines::stored_ledgers() const {
  Audit::LedgerStores stores;
  for (const auto& [id, ledger] : ledgers) {
    stores.emplace(id, &ledger->stored());
  }
  return stores;
}

Process::Process(Engines& engines, Environment& env, Network& network, const std::string& node, uint64_t number)
    : env_(env),
      number_(number),
      clock_(env),
      control_({{Region::kSouth, 100}}),
      ports_{.orders = engines.orders,
             .stream = engines.stream,
             .ledgers = engines.ledger_ports(),
             .inbox = engines.inbox,
             .cache = engines.cache,
             .control = control_},
      shards_(make_shards(ports_, clock_, shard_options(env.scenario, node, number), registry_)),
      shard_ids_(shards_.ids()),
      workers_(1, 1),
      port_(network, number),
      placement(shards_, placement_groups(engines),
                {.self = {.node = node, .address = node}, .incarnation = number, .lease = env.scenario.lease}),
      // Caches may look at their clock under a lock, where their process is not stopped here.
      use_cases(shards_, placement, ports_, {engines.ids, engines.tickets, engines.pay_tokens},
                {clock_, env.clock, env.dice, workers_, registry_},
                use_case_options(env.scenario, engines.all_ledgers)),
      routes(shards_, placement, Region::kSouth),
      forwarder(
          [this](ShardId shard) { return routes.find(shard); },
          [this](const PacketCall& call, Done<PacketAnswer> done) { use_cases.calls.carry_out(call, std::move(done)); },
          port_, port_, clock_, ForwarderLimits(), registry_) {}

Result<void> Process::start() {
  if (auto placed = placement.step(); !placed) {
    return placed;
  }
  return use_cases.prepare();
}

bool Process::has_left() const {
  return leaving_ && busy_.empty() && std::ranges::all_of(shard_ids_, [&](ShardId id) {
           return shards_.find(id)->status().state == ShardState::kAway;
         });
}

template <class Step>
void Process::unless_busy(Part part, ShardId shard, Step step) {
  if (busy_.emplace(part, shard).second) {
    step();  // if it crashes, nobody will ask again who is busy
    busy_.erase({part, shard});
  }
}

void Process::step() {
  if (!leaving_ && env_.clock.steady_now() >= beat_at_ && env_.dice.one_in(2)) {
    beat();
    return;
  }
  const ShardId id = shard_ids_[env_.dice.below(shard_ids_.size())];
  Shard& shard = *shards_.find(id);
  const uint64_t part = env_.dice.below(100);
  if (part < 40) {
    unless_busy(Part::kWriter, id, [&] { shard.write_step(kNoWait); });
  } else if (part < 55) {
    unless_busy(Part::kLoader, id, [&] { shard.load_step(kNoWait); });
  } else if (part < 75) {
    Ledger& ledger = *use_cases.ledgers.all()[env_.dice.below(use_cases.ledgers.all().size())];
    unless_busy(Part::kLedger, {Region::kSouth, ledger.id().number}, [&] { ledger.writer.step(kNoWait); });
  } else if (part < 85) {
    settle();
  } else if (part < 95) {
    unless_busy(Part::kInbox, [&] { (void)use_cases.inbox_feed.step(/*from_log=*/env_.dice.one_in(4)); });
  } else if (part < 97) {
    refund();
  } else if (part < 98) {
    unless_busy(Part::kFrozenAccounts, [&] { (void)use_cases.frozen_accounts.refresh(); });
  } else {
    reconcile();
  }
}

void Process::beat() {
  unless_busy(Part::kPlacement, [&] {
    beat_at_ = env_.clock.steady_now() + env_.scenario.lease / kBeatsPerLease;
    if (!placement.step()) {  // it must end, and has left already
      leaving_ = true;
    }
  });
}

void Process::leave() {
  unless_busy(Part::kPlacement, [&] {
    leaving_ = true;
    placement.leave();
  });
}

void Process::settle() {
  Settler& settler = *use_cases.settlers[env_.dice.below(use_cases.settlers.size())];
  if (settling_.insert(&settler).second) {
    settler.step(/*from_log=*/env_.dice.one_in(4), [this, &settler](Result<size_t>) { settling_.erase(&settler); });
  }
}

void Process::refund() {
  if (!refunding_) {
    refunding_ = true;
    use_cases.refunder.step([this](Result<size_t>) { refunding_ = false; });
  }
}

void Process::reconcile() {
  if (!reconciling_) {
    reconciling_ = true;
    use_cases.reconciler.step([this](Result<ReconciliationReport>) { reconciling_ = false; });
  }
}

}  // namespace hongbao::sim
