#include "sim/callers.h"

#include <fmt/format.h>

#include <algorithm>

namespace hongbao::sim {
namespace {

constexpr std::string_view kChannel = "bank";
constexpr uint32_t kManySharesMax = 20;  // beyond what a share list scans
constexpr uint64_t kDepositMost = 3'000;
constexpr std::array<std::string_view, 5> kAsks{"ask_deposit", "ask_send", "ask_pay", "ask_notify", "ask_open"};

}  // namespace

Callers::Callers(Environment& env, const Engines& engines, const Network& network)
    : env_(env), engines_(engines), network_(network), calls_(env) {
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
  if (resting_) {
    return;
  }
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
  at([&](Process& process) { ask(process, task); });
}

// Nobody is told before its time that a shard has no owner; and where nothing ever fails, everybody is answered.
void Callers::expect_a_reason(const Process& entry, const Error& error, SteadyTime asked_until) {
  const bool is_early = env_.clock.steady_now() + ForwarderLimits().retry_pause < asked_until;
  if (is_early && error.code == ErrorCode::kUnavailable && error.detail.ends_with("has no owner at the moment")) {
    env_.violation(fmt::format("process {} gave up a call before its time", entry.number()));
  }
  const bool gives_no_answer = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kOutcomeUnknown ||
                               error.code == ErrorCode::kDeadlineExceeded || error.code == ErrorCode::kFenced;
  if (gives_no_answer && env_.scenario.is_quiet() && !entry.is_leaving()) {
    env_.violation(fmt::format("nothing failed, and process {} says: {}", entry.number(), error.detail));
  }
}

void Callers::go_back(const Told& told) {
  for (size_t i = 0; i < record_.deposits.size(); ++i) {
    record_.deposits[i].accepted = told.deposits[i].accepted;
  }
  for (size_t i = 0; i < record_.packets.size(); ++i) {
    PacketRecord& packet = record_.packets[i];
    const PacketRecord* then = i < told.packets.size() ? &told.packets[i] : nullptr;
    packet.told_paid = then != nullptr && then->told_paid;
    packet.told_returned = then != nullptr && then->told_returned;
    packet.wallet_asked.in_doubt = packet.wallet_asked.at_all;
    for (size_t j = 0; j < packet.channel_payments.size(); ++j) {
      ChannelPaymentRecord& payment = packet.channel_payments[j];
      payment.accepted = then != nullptr && then->channel_payments[j].accepted;
      payment.credited = then != nullptr && then->channel_payments[j].credited;
      payment.asked.in_doubt = payment.asked.at_all;
    }
    for (auto& [user, taker] : packet.takers) {
      const auto known = then != nullptr ? then->takers.find(user) : packet.takers.end();
      taker.share = then != nullptr && known != then->takers.end() ? known->second.share : std::nullopt;
      taker.asked.in_doubt = taker.asked.at_all;
    }
  }
  for (Task& task : tasks_) {
    const bool asks_again = task.kind != Kind::kSend || env_.dice.one_in(2);
    if (task.stage != Stage::kReady && asks_again) {
      task.stage = Stage::kReady;
      task.ticket.clear();
    }
  }
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

SteadyTime Callers::deadline() {
  // Some callers are in a hurry, so that commands are overdue when the writer gets to them.
  const bool hurries = !finishing_ && !env_.scenario.is_quiet() && env_.dice.one_in(8);
  return env_.clock.steady_now() + (hurries ? std::chrono::milliseconds(5) : env_.scenario.call_timeout);
}

void Callers::deposit(Process& process, Task& task) {
  DepositRecord& made = *task.deposit;
  made.asked.at_all = true;
  process.use_cases.wallets.deposit({made.user}, made.amount, made.key, deadline(),
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
  const auto shard = process.use_cases.ordering.choose(task.user, task.key);
  if (!shard) {
    task.stage = Stage::kReady;
    return;
  }
  bring(process, SendCall{task.user, task.key, task.request, *shard}, [this, &task](auto answer) {
    Asked asked;
    if (answer && *answer) {
      task.stage = Stage::kOver;
      sent(task, **answer);
    } else {
      not_yet(task, asked, answer);
    }
  });
}

// Pre-orders are only in the cache, for a day or so.
bool Callers::cache_remembers() const {
  const FaultRates& faults = env_.scenario.faults;
  return faults[Fault::kCacheWiped] == 0 && faults[Fault::kRestored] == 0 && faults[Fault::kCacheStale] == 0 &&
         env_.clock.now() < kNoon + kPacketTtl && faults[Fault::kClockDayForward] == 0;
}

void Callers::sent(const Task& task, const PreOrder& made) {
  Dice& dice = env_.dice;
  std::set<PacketKey>& before = sent_[task.key];
  if (given_.try_emplace(made.order.key, made.pay_token).first->second != made.pay_token) {
    env_.violation(fmt::format("{} was given an id that another packet has", task.user.text()));
  }
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
  packet.send_key = task.key;
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
  bring(process, PayCall{task.user, packet.key, process.use_cases.ordering.unseal(packet.pay_token).value()},
        [this, &task, &packet](auto answer) {
          const auto error = error_of(answer);
          if (answer && *answer) {
            const bool paid = (**answer).outcome == PaymentOutcome::kPaid;
            (paid ? packet.told_paid : packet.told_returned) = true;
            task.stage = Stage::kOver;
          } else if (error == ErrorCode::kPayTokenExpired || error == ErrorCode::kAlreadySent ||
                     (error == ErrorCode::kInsufficientFunds && (finishing_ || env_.dice.one_in(2)))) {
            task.stage = Stage::kOver;
          } else {
            not_yet(task, packet.wallet_asked, answer);
          }
        });
}

void Callers::notify(Process& process, Task& task) {
  PacketRecord& packet = *task.packet;
  ChannelPaymentRecord& payment = *task.payment;
  const ChannelPayment notification{.channel = std::string(kChannel),
                                    .payment_id = payment.id,
                                    .amount = packet.request.total,
                                    .ordered = process.use_cases.ordering.unseal(packet.pay_token).value()};
  payment.asked.at_all = true;
  const uint64_t number = process.number();
  bring(process, NotifyCall{notification}, [this, &task, &packet, &payment, number](auto answer) {
    if (!answer || !*answer) {
      not_yet(task, payment.asked, answer);
      return;
    }
    payment.accepted = true;
    payment.credited = (**answer).outcome == PaymentOutcome::kCreditedToWallet;
    packet.told_paid = packet.told_paid || (**answer).outcome == PaymentOutcome::kPaid;
    task.stage = Stage::kOver;
    if (env_.faults.strikes(Fault::kNotificationRepeated)) {
      add_notification(packet, payment, number);
    }
  });
}

}  // namespace hongbao::sim
