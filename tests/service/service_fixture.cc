#include "service/service_fixture.h"

#include "base/pointers.h"

#include <fmt/format.h>

#include "support/shard_options.h"

namespace hongbao {
namespace {

constexpr Timestamp kNoon{20'779LL * 86'400'000 + 4LL * 3'600'000};  // 2026-11-22, UTC+8
constexpr size_t kCacheBytesMax = 64 << 20;

template <size_t N>
std::array<uint8_t, N> key_of(uint8_t value) {
  init_crypto();
  std::array<uint8_t, N> key{};
  key.fill(value);
  return key;
}

std::map<ShardId, std::unique_ptr<MemoryOrderStore>> make_stores(const std::vector<ShardId>& ids) {
  std::map<ShardId, std::unique_ptr<MemoryOrderStore>> stores;
  for (const ShardId id : ids) {
    stores.emplace(id, std::make_unique<MemoryOrderStore>(id));
  }
  return stores;
}

UseCaseOptions use_case_options(size_t batch_vouchers_max, const Ledgers& ledgers) {
  return {.ledgers = ledgers,
          .ledger = {.commit_retry_pause = std::chrono::milliseconds(1), .deferral = kDeferral},
          .follower_batch_vouchers_max = batch_vouchers_max,
          .reconciler = {.grace = kGrace, .deferral = kDeferral, .deferral_max = kDeferralMax},
          .archive = {},
          .ordering = {.payable = kPayable},
          .packet_ttl = kPacketTtl,
          .ticket_ttl = kTicketTtl};
}

std::vector<std::unique_ptr<MemoryLedgerStore>> make_ledgers(size_t count) {
  std::vector<std::unique_ptr<MemoryLedgerStore>> ledgers(count);
  for (auto& ledger : ledgers) {
    ledger = std::make_unique<MemoryLedgerStore>();
  }
  return ledgers;
}

LedgerSet::Stores ports_of(LedgerStore& first, const std::vector<std::unique_ptr<MemoryLedgerStore>>& others) {
  LedgerSet::Stores stores{{LedgerId{}, &first}};
  for (const auto& other : others) {
    stores.emplace(LedgerId{Region::kSouth, static_cast<uint8_t>(stores.size())}, other.get());
  }
  return stores;
}

}  // namespace

void FaultyLedgerStore::fail_commits(int count, bool after) {
  const std::lock_guard lock(mutex_);
  failures_ = count;
  fail_after_ = after;
}

void FaultyLedgerStore::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void FaultyLedgerStore::release() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  released_.notify_all();
}

void FaultyLedgerStore::on_commit(std::function<void(const LedgerBatch&)> observer) {
  const std::lock_guard lock(mutex_);
  observer_ = std::move(observer);
}

int FaultyLedgerStore::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

Result<LedgerResult> FaultyLedgerStore::commit(const LedgerBatch& batch) {
  std::unique_lock lock(mutex_);
  ++commits_;
  if (observer_) {
    observer_(batch);
  }
  released_.wait(lock, [this] { return !held_; });
  if (damaged && damaged(batch)) {
    return fail(ErrorCode::kInternal, "told to be damaged");
  }
  if (failures_ == 0) {
    return inner_.commit(batch);
  }
  --failures_;
  if (fail_after_) {
    EXPECT_TRUE(inner_.commit(batch));
  }
  return fail(ErrorCode::kStorage, "told to fail");
}

Result<LedgerTotals> FaultyLedgerStore::totals(const std::vector<ShardId>& shards) {
  auto totals = inner_.totals(shards);
  if (totals && tamper) {
    tamper(*totals);
  }
  return totals;
}

Result<OrderTotals> TamperedOrderStore::totals(VoucherNo since) {
  auto totals = inner_.totals(since);
  if (totals && tamper) {
    tamper(*totals);
  }
  return totals;
}

SendRequest lucky(int64_t total, uint32_t count) {
  return {
      .kind = PacketKind::kLucky, .rule = Rule::kClassic, .total = Money(total), .count = count, .greeting = "恭喜"};
}

SendRequest exclusive(int64_t total, const std::string& recipient) {
  return {.kind = PacketKind::kExclusive,
          .rule = Rule::kEqual,
          .total = Money(total),
          .count = 1,
          .greeting = "",
          .recipient = user(recipient)};
}

Deployment::Deployment(size_t batch_vouchers_max, uint8_t ledger_count)
    : clock(kNoon),
      shard_ids{{Region::kSouth, 1}, {Region::kSouth, 2}},
      order_stores(make_stores(shard_ids)),
      orders(pointers_to<OrderStore>(order_stores)),
      other_ledgers(make_ledgers(ledger_count - 1U)),
      all_ledgers(ledger_count),
      cache(clock, kCacheBytesMax),
      control({{Region::kSouth, 100}}),
      stream(orders),
      ids(key_of<16>(1)),
      tickets(key_of<16>(2)),
      pay_tokens(key_of<32>(3)),
      ports{.orders = orders,
            .stream = stream,
            .ledgers = ports_of(ledger, other_ledgers),
            .inbox = inbox,
            .cache = cache,
            .shared_cache = &cache,
            .control = control},
      workers(1, 64),
      use_cases(shards, ownership, ports, {ids, tickets, pay_tokens}, {clock, clock, random, workers, registry},
                use_case_options(batch_vouchers_max, all_ledgers)) {
  start_shards();
  use_cases.ledgers.start();
  workers.start();
  EXPECT_TRUE(use_cases.prepare());
}

Deployment::~Deployment() {
  ledger.release();
  for (const ShardId id : shard_ids) {
    shards.find(id)->stop();
  }
  use_cases.ledgers.stop();
  workers.stop();
}

void Deployment::start_shards() {
  shards = make_shards(ports, clock, test_shard_options(), registry);
  for (const ShardId id : shard_ids) {
    EXPECT_TRUE(shards.find(id)->acquire());
    shards.find(id)->start();
  }
}

void Deployment::restart_shards() {
  shards = ShardSet();
  start_shards();
}

Result<PreOrder> Deployment::send(const std::string& sender, const std::string& key, const SendRequest& request) {
  const auto shard = ordering.choose(user(sender), key);
  if (!shard) {
    return std::unexpected(shard.error());
  }
  return ask<PreOrder>([&](auto done) { ordering.send(*shard, user(sender), key, request, std::move(done)); }).get();
}

Result<PaidPacket> Deployment::pay(const std::string& payer, const PreOrder& packet) {
  return pay(payer, packet.order.key, packet.pay_token);
}

Result<PaidPacket> Deployment::pay(const std::string& payer, const PacketKey& packet, const std::string& pay_token) {
  const auto ordered = ordering.unseal(pay_token);
  if (!ordered) {
    return std::unexpected(ordered.error());
  }
  return ask<PaidPacket>([&](auto done) { ordering.pay(user(payer), packet, *ordered, soon(clock), std::move(done)); })
      .get();
}

Result<PaidPacket> Deployment::accept(const PreOrder& packet, const std::string& payment_id,
                                      std::optional<int64_t> amount) {
  const auto ordered = ordering.unseal(packet.pay_token);
  if (!ordered) {
    return std::unexpected(ordered.error());
  }
  const ChannelPayment payment{.channel = "bank",
                               .payment_id = payment_id,
                               .amount = amount ? Money(*amount) : packet.order.total,
                               .ordered = *ordered};
  return ask<PaidPacket>([&](auto done) { ordering.accept(payment, soon(clock), std::move(done)); }).get();
}

Result<GrabAnswer> Deployment::grab(const PacketKey& packet, const std::string& taker) {
  return ask<GrabAnswer>([&](auto done) { opening.grab(packet, user(taker), soon(clock), std::move(done)); }).get();
}

Result<OpenAnswer> Deployment::open(const PacketKey& packet, const std::string& taker, const std::string& ticket) {
  return ask<OpenAnswer>([&](auto done) { opening.open(packet, user(taker), ticket, soon(clock), std::move(done)); })
      .get();
}

Result<PacketView> Deployment::view(const PacketKey& packet) {
  return ask<PacketView>([&](auto done) { viewing.show(packet, soon(clock), std::move(done)); }).get();
}

Result<PacketView> Deployment::view_as(const PacketKey& packet, const std::string& viewer) {
  return ask<PacketView>([&](auto done) { viewing.view(packet, user(viewer), soon(clock), std::move(done)); }).get();
}

Result<SharesPage> Deployment::shares(const PacketKey& packet, uint32_t seq, uint32_t max, const std::string& viewer) {
  return ask<SharesPage>(
             [&](auto done) { viewing.shares(packet, user(viewer), seq, max, soon(clock), std::move(done)); })
      .get();
}

void Deployment::deposit(const std::string& owner, int64_t amount) {
  const auto key = fmt::format("deposit-{}", next_key_++);
  EXPECT_TRUE(ask<std::string>([&](auto done) {
                wallets.deposit({user(owner)}, Money(amount), key, soon(clock), std::move(done));
              }).get());
}

int64_t Deployment::wallet(const std::string& owner) {
  return ledger_of(owner).store.account(AccountId::user(user(owner)))->balance().fen();
}

Ledger& Deployment::ledger_of(const std::string& owner) const {
  return *use_cases.ledgers.of(WalletOwner{user(owner)}).value();
}

void Deployment::set_frozen(const std::string& owner, bool frozen) {
  EXPECT_TRUE(ask<void>([&](auto done) {
                ledger_of(owner).writer.set_frozen(AccountId::user(user(owner)), frozen, std::move(done));
              }).get());
}

void Deployment::freeze(const std::string& owner, bool frozen) {
  EXPECT_TRUE(ask<Account>([&](auto done) { wallets.freeze({user(owner)}, frozen, std::move(done)); }).get());
}

PreOrder Deployment::sent(const std::string& sender, const SendRequest& request) {
  return send(sender, fmt::format("key-{}", next_key_++), request).value();
}

PacketKey Deployment::active(const SendRequest& request, const std::string& sender) {
  const PreOrder packet = sent(sender, request);
  EXPECT_EQ(accept(packet, fmt::format("payment-{}", next_key_++)).value().outcome, PaymentOutcome::kPaid);
  return packet.order.key;
}

OpenAnswer Deployment::opened(const PacketKey& packet, const std::string& taker) {
  return open(packet, taker, tickets.print(packet, user(taker), clock.now() + kTicketTtl)).value();
}

void Deployment::forget_send(const std::string& sender, const std::string& key) {
  cache.erase({fmt::format("send:{}:{}", sender, key)}, [](Result<void>) {});
}

void Deployment::debit_without_activation(const PreOrder& packet) {
  const Order& order = packet.order;
  Ledger& wallet = ledger_of(order.sender.text());
  const Posting posting{.transfer = wallet_payment(order, wallet_payment_transfer_id(ids.print(order.key)), wallet.id(),
                                                   all_ledgers.of(order.key.shard), clock.now()),
                        .pay_token = packet.pay_token,
                        .send_key = order.send_key};
  const auto posted = ask<Posted>([&](auto done) { wallet.writer.post(posting, soon(clock), std::move(done)); }).get();
  EXPECT_EQ(posted.value(), PostOutcome::kPosted);
}

size_t Deployment::settle() {
  size_t settled = 0;
  for (const auto& each : use_cases.settlers) {
    for (size_t step = 1; step > 0; settled += step) {
      step = settle_once(*each).value();
    }
  }
  return settled;
}

Result<size_t> Deployment::settle_once(Settler& from) {
  return ask<size_t>([&](auto done) { from.step(/*from_log=*/true, std::move(done)); }).get();
}

size_t Deployment::refund() {
  return ask<size_t>([&](auto done) { refunder.step(std::move(done)); }).get().value();
}

Result<ReconciliationReport> Deployment::reconcile() {
  return ask<ReconciliationReport>([&](auto done) { reconciler.step(std::move(done)); }).get();
}

void Deployment::expect_balanced(bool deep) {
  const auto report = audit.run(deep);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->balanced()) << "difference " << report->difference().fen() << ", negative accounts "
                                  << report->books().accounts_negative << ", violations " << report->violations.size();
}

std::vector<Voucher> Deployment::log(ShardId shard) {
  return orders.at(shard)->read_log(VoucherNo{1}, 1'000'000).value();
}

}  // namespace hongbao
