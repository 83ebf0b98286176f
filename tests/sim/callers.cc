#include "sim/callers.h"

#include <fmt/format.h>

#include <algorithm>

namespace hongbao::sim {
namespace {

constexpr std::string_view kChannel = "bank";
constexpr uint32_t kManySharesMax = 20;  // beyond what a share list scans
constexpr uint64_t kDepositMost = 3'000;
constexpr std::array<std::string_view, 5> kAsks{"ask_deposit", "ask_send", "ask_pay", "ask_notify", "ask_open"};

bool same(const Share& a, const Share& b) {
  return a.seq == b.seq && a.user == b.user && a.amount == b.amount && a.opened_at == b.opened_at &&
         a.voucher == b.voucher;
}

template <class T>
std::optional<ErrorCode> error_of(const std::optional<Result<T>>& answer) {
  return answer && !*answer ? std::optional((*answer).error().code) : std::nullopt;
}

}  // namespace

Callers::Callers(Environment& env, const Engines& engines) : env_(env), engines_(engines), calls_(env) {
  for (uint32_t i = 0; i < env.scenario.users; ++i) {
    users_.push_back(UserId::trusted(fmt::format("user{}", i)));
  }
  for (uint32_t i = 0; i < env.scenario.packets; ++i) {
    DepositRecord& made = record_.deposits.emplace_back();
    made = {.user = somebody(),
            .amount = Money(static_cast<int64_t>(env.dice.between(1, kDepositMost))),
            .key = fmt::format("deposit{}", i)};
    tasks_.push_back({.kind = Kind::kDeposit, .deposit = &made});
  }
}

bool Callers::finished() const {
  return std::ranges::all_of(tasks_, [](const Task& task) { return task.stage == Stage::kOver; });
}

bool Callers::payments_over() const {
  return std::ranges::all_of(tasks_,
                             [](const Task& task) { return task.kind == Kind::kOpen || task.stage == Stage::kOver; });
}

bool Callers::may_run(const Task& task, const Process& process) const {
  if (finishing_) {
    return task.stage == Stage::kReady || task.stage == Stage::kPaused;
  }
  return task.stage == Stage::kReady && (!task.waits_for_payment || task.packet->told_paid) &&
         env_.clock.steady_now() >= task.not_before && process.number() > task.not_in_process;
}

void Callers::step(const Process& entry, const At& at) {
  if (!finishing_ && packets_begun_ < env_.scenario.packets && env_.dice.one_in(12)) {
    begin_packet();
  }
  std::vector<Task*> ready;
  const bool takers_wait = finishing_ && !payments_over();
  for (Task& task : tasks_) {
    if (may_run(task, entry) && !(takers_wait && task.kind == Kind::kOpen)) {
      ready.push_back(&task);
    }
  }
  if (ready.empty()) {
    return;
  }
  Task& task = *ready[env_.dice.below(ready.size())];
  task.shard = shard_of(entry, task);
  const bool here = !task.shard || env_.dice.one_in(6);  // a balancer that is wrong, or a node that is late
  at(here ? std::nullopt : entry.placement.owner(*task.shard), [&](Process& process) { ask(process, task); });
}

// nullopt: any node can answer, or refuse.
std::optional<ShardId> Callers::shard_of(const Process& entry, const Task& task) const {
  if (task.packet != nullptr) {
    return task.packet->key.shard;
  }
  if (task.kind != Kind::kSend) {
    return std::nullopt;
  }
  const auto chosen = entry.ordering.choose(task.user, task.key);
  return chosen ? std::optional(*chosen) : std::nullopt;
}

void Callers::grow_impatient(uint64_t process) {
  for (size_t i = tasks_.size(); i > 0; --i) {
    const Task& waiting = tasks_[i - 1];
    if (waiting.stage == Stage::kWaiting && waiting.at_process == process && env_.dice.one_in(2)) {
      Task again = waiting;
      again.stage = Stage::kReady;
      tasks_.push_back(std::move(again));
    }
  }
}

void Callers::ask(Process& process, Task& task) {
  task.stage = Stage::kWaiting;
  task.at_process = process.number();
  env_.history.note(kAsks.at(static_cast<size_t>(task.kind)), process.number(),
                    task.packet != nullptr ? task.packet->key.local.value : 0);
  switch (task.kind) {
    case Kind::kDeposit:
      deposit(process, task);
      return;
    case Kind::kSend:
      send(process, task);
      return;
    case Kind::kPay:
      pay(process, task);
      return;
    case Kind::kNotify:
      notify(process, task);
      return;
    case Kind::kOpen:
      task.ticket.empty() ? grab(process, task) : open(process, task);
      return;
  }
}

template <class T>
void Callers::not_yet(Task& task, Asked& asked, const std::optional<Result<T>>& answer) {
  const bool in_doubt = !answer || error_of(answer) == ErrorCode::kOutcomeUnknown;
  asked.in_doubt = asked.in_doubt || in_doubt;
  const bool gives_up = !finishing_ && env_.dice.one_in(8) && task.kind != Kind::kNotify;
  task.stage = !gives_up ? Stage::kReady : asked.in_doubt ? Stage::kPaused : Stage::kOver;
}

SteadyTime Callers::deadline() {
  // Some callers are in a hurry, so that commands are overdue when the writer gets to them.
  const bool hurries = !finishing_ && env_.dice.one_in(8);
  return env_.clock.steady_now() + (hurries ? std::chrono::milliseconds(5) : env_.scenario.call_timeout);
}

void Callers::deposit(Process& process, Task& task) {
  DepositRecord& made = *task.deposit;
  made.asked.at_all = true;
  process.wallets.deposit(made.user, made.amount, made.key, deadline(),
                          calls_.open<std::string>(process.number(), [this, &task, &made](auto answer) {
                            if (answer && *answer) {
                              made.accepted = true;
                              task.stage = Stage::kOver;
                            } else {
                              not_yet(task, made.asked, answer);
                            }
                          }));
}

SendRequest Callers::some_request() {
  Dice& dice = env_.dice;
  const uint64_t most = dice.one_in(8) ? kManySharesMax : env_.scenario.shares_max;
  SendRequest request{.count = static_cast<uint32_t>(dice.between(1, most))};
  switch (dice.below(5)) {
    case 0:
      request.kind = PacketKind::kEqual;
      request.rule = Rule::kEqual;
      break;
    case 1:
      request = {.kind = PacketKind::kExclusive, .rule = Rule::kEqual, .count = 1, .recipient = somebody()};
      break;
    case 2:
      request.rule = Rule::kFair;
      break;
    default:
      break;
  }
  // Mostly a few fen a share, where the bounds bind; sometimes up to the greatest.
  const uint64_t mean_most = dice.one_in(6) ? 20'000 : 40;
  request.total = Money(static_cast<int64_t>(dice.between(request.count, request.count * mean_most)));
  return request;
}

void Callers::begin_packet() {
  ++packets_begun_;
  tasks_.push_back(
      {.kind = Kind::kSend,
       .user = record_.deposits[env_.dice.below(record_.deposits.size())].user,  // has money, perhaps enough
       .request = some_request(),
       .key = fmt::format("key{}", next_name_++)});
}

void Callers::send(Process& process, Task& task) {
  if (!task.shard) {  // no shard takes orders
    task.stage = Stage::kReady;
    return;
  }
  process.ordering.send(*task.shard, task.user, task.key, task.request,
                        calls_.open<PreOrder>(process.number(), [this, &task](auto answer) {
                          Asked asked;
                          if (answer && *answer) {
                            task.stage = Stage::kOver;
                            sent(task, **answer);
                          } else {
                            not_yet(task, asked, answer);
                          }
                        }));
}

// Pre-orders are only in the cache, for a day or so.
bool Callers::cache_remembers() const {
  const FaultRates& faults = env_.scenario.faults;
  return faults[Fault::kCacheWiped] == 0 && faults[Fault::kCacheStale] == 0 && env_.clock.now() < kNoon + kPacketTtl &&
         faults[Fault::kClockDayForward] == 0;
}

void Callers::sent(const Task& task, const PreOrder& made) {
  Dice& dice = env_.dice;
  std::set<PacketKey>& before = sent_[task.key];
  if (before.contains(made.order.key)) {
    return;
  }
  if (!before.empty() && cache_remembers()) {
    env_.violation(fmt::format("{} was given two packets for one idempotency key", task.user.text()));
  }
  before.insert(made.order.key);
  if (dice.one_in(6)) {  // the answer got lost on its way
    Task again = task;
    again.stage = Stage::kReady;
    tasks_.push_back(std::move(again));
  }
  PacketRecord& packet = record_.packets.emplace_back();
  packet.sender = task.user;
  packet.request = task.request;
  packet.key = made.order.key;
  packet.pay_token = made.pay_token;
  packet.payable_until = made.order.payable_until;
  const bool through_channel = dice.below(100) < env_.scenario.channel_percent;
  if (!through_channel || dice.one_in(6)) {
    tasks_.push_back({.kind = Kind::kPay, .packet = &packet, .user = task.user});
  }
  for (uint64_t i = through_channel ? 1 + (dice.one_in(8) ? 1 : 0) : 0; i > 0; --i) {
    ChannelPaymentRecord& payment = packet.channel_payments.emplace_back();
    payment.id = fmt::format("payment{}", next_name_++);
    add_notification(packet, payment, /*process=*/0);
  }
  std::vector<UserId> takers = users_;
  const uint64_t count = std::min<uint64_t>(takers.size(), dice.between(0, packet.request.count + 2));
  for (uint64_t i = 0; i < count; ++i) {
    std::swap(takers[i], takers[dice.between(i, takers.size() - 1)]);
    tasks_.push_back({.kind = Kind::kOpen, .packet = &packet, .user = takers[i], .waits_for_payment = !dice.one_in(8)});
    if (dice.one_in(8)) {  // taps twice at once
      tasks_.push_back(tasks_.back());
    }
  }
  if (!packet.request.recipient.empty()) {
    tasks_.push_back({.kind = Kind::kOpen, .packet = &packet, .user = packet.request.recipient});
  }
}

void Callers::add_notification(PacketRecord& packet, ChannelPaymentRecord& payment, uint64_t process) {
  Task task{.kind = Kind::kNotify, .packet = &packet, .payment = &payment};
  if (env_.faults.strikes(Fault::kNotificationLate)) {
    task.not_before = env_.clock.steady_now() + std::chrono::minutes(env_.dice.between(1, 60));
  }
  if (env_.faults.strikes(Fault::kNotificationAfterRestart)) {
    task.not_in_process = std::max<uint64_t>(process, 1);
  }
  tasks_.push_back(std::move(task));
}

void Callers::pay(Process& process, Task& task) {
  PacketRecord& packet = *task.packet;
  packet.wallet_asked.at_all = true;
  process.ordering.pay(task.user, packet.key, packet.pay_token, deadline(),
                       calls_.open<PaidPacket>(process.number(), [this, &task, &packet](auto answer) {
                         const auto error = error_of(answer);
                         if (answer && *answer) {
                           const bool paid = (**answer).outcome == PaymentOutcome::kPaid;
                           (paid ? packet.told_paid : packet.told_returned) = true;
                           task.stage = Stage::kOver;
                         } else if (error == ErrorCode::kPayTokenExpired ||
                                    (error == ErrorCode::kInsufficientFunds && (finishing_ || env_.dice.one_in(2)))) {
                           task.stage = Stage::kOver;
                         } else {
                           not_yet(task, packet.wallet_asked, answer);
                         }
                       }));
}

void Callers::notify(Process& process, Task& task) {
  PacketRecord& packet = *task.packet;
  ChannelPaymentRecord& payment = *task.payment;
  const ChannelPayment notification{.channel = std::string(kChannel),
                                    .payment_id = payment.id,
                                    .amount = packet.request.total,
                                    .pay_token = packet.pay_token};
  payment.asked.at_all = true;
  const uint64_t number = process.number();
  process.ordering.accept(notification, deadline(),
                          calls_.open<PaidPacket>(number, [this, &task, &packet, &payment, number](auto answer) {
                            if (!answer || !*answer) {
                              not_yet(task, payment.asked, answer);
                              return;
                            }
                            payment.accepted = true;
                            packet.told_paid = packet.told_paid || (**answer).outcome == PaymentOutcome::kPaid;
                            task.stage = Stage::kOver;
                            if (env_.faults.strikes(Fault::kNotificationRepeated)) {
                              add_notification(packet, payment, number);
                            }
                          }));
}

Callers::Known Callers::known_to(const Task& task) const {
  const auto taker = task.packet->takers.find(task.user);
  return {taker != task.packet->takers.end() && taker->second.share.has_value(), task.packet->told_paid};
}

// While leases hold, whoever answers has seen everything that any node ever told.
void Callers::expect_opened(const Process& process, const Task& task, const Known& known) {
  if (known.share && env_.leases_hold && !process.shares_name()) {
    env_.violation(fmt::format("{} was told of a share, and later of none", task.user.text()));
  }
}

void Callers::expect_no_denial(const Process& process, const Task& task, const Known& known,
                               std::optional<ErrorCode> error) {
  const bool denied = error == ErrorCode::kNotFound || error == ErrorCode::kNotPaid;
  if (denied && known.paid && env_.leases_hold && !process.shares_name()) {
    env_.violation(fmt::format("{} was told that a packet which was paid is not", task.user.text()));
  }
}

void Callers::grab(Process& process, Task& task) {
  process.opening.grab(
      task.packet->key, task.user, deadline(),
      calls_.open<GrabAnswer>(process.number(), [this, &process, &task, known = known_to(task)](auto answer) {
        TakerRecord& taker = task.packet->takers[task.user];
        const auto error = error_of(answer);
        expect_no_denial(process, task, known, error);
        if (answer && *answer && (**answer).outcome != OpenOutcome::kOpened) {
          expect_opened(process, task, known);
        }
        if (answer && *answer) {
          GrabAnswer& grabbed = **answer;
          if (grabbed.outcome == OpenOutcome::kTicket) {
            task.ticket = grabbed.ticket;
            task.stage = Stage::kReady;
          } else if (grabbed.outcome == OpenOutcome::kOpened) {
            told_share(task, *grabbed.share);
          } else {
            task.stage = Stage::kOver;
          }
        } else if (finishing_ && (error == ErrorCode::kNotFound || error == ErrorCode::kNotPaid)) {
          task.stage = Stage::kOver;
        } else {
          Asked asked = taker.asked;  // a grab has no effect, so a lost one leaves no doubt
          not_yet(task, asked, answer);
        }
      }));
}

void Callers::open(Process& process, Task& task) {
  TakerRecord& taker = task.packet->takers[task.user];
  taker.asked.at_all = true;
  const std::string ticket = std::exchange(task.ticket, {});
  process.opening.open(
      task.packet->key, task.user, ticket, deadline(),
      calls_.open<OpenAnswer>(process.number(), [this, &process, &task, &taker, known = known_to(task)](auto answer) {
        expect_no_denial(process, task, known, error_of(answer));
        if (answer && *answer) {
          OpenAnswer& opened = **answer;
          if (opened.outcome != OpenOutcome::kOpened) {
            expect_opened(process, task, known);
          }
          if (opened.outcome == OpenOutcome::kOpened) {
            told_share(task, *opened.share);
          } else {
            task.stage = Stage::kOver;
          }
        } else if (error_of(answer) == ErrorCode::kForbidden) {
          task.stage = Stage::kOver;
        } else {
          not_yet(task, taker.asked, answer);
        }
      }));
}

void Callers::told_share(Task& task, const Share& share) {
  TakerRecord& taker = task.packet->takers[task.user];
  env_.history.note("share", share.voucher.value, static_cast<uint64_t>(share.amount.fen()));
  if (taker.share && !same(*taker.share, share)) {
    env_.violation(fmt::format("{} was told two different shares of one packet", task.user.text()));
  }
  taker.share = share;
  // One in four asks again later, and must be told the same.
  task.stage = !finishing_ && env_.dice.one_in(4) ? Stage::kReady : Stage::kOver;
}

}  // namespace hongbao::sim
