#include "apps/load/player.h"

#include <algorithm>
#include <iterator>

#include "apps/load/request_text.h"

namespace hongbao::load {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick{100};
constexpr int64_t kHeldBack_us = 1'000;  // a start later than this counts as held back

}  // namespace

Player::Player(const Play& play, uint32_t index)
    : play_(play),
      index_(index),
      end_us_(static_cast<int64_t>(play.options.night.seconds * 1e6)),
      next_send_(index),
      next_send_at_us_(index < play.night.sends() || play.options.mode == Mode::kClosed ? play.night.send_at_us(index)
                                                                                        : kNever),
      history_(play.history, play.run) {
  // The remainder of the division goes to the first players.
  const uint32_t threads = play.options.threads;
  const uint32_t connections = play.options.connections / threads + (index < play.options.connections % threads);
  running_.resize(connections);
  for (uint32_t i = 0; i < connections; ++i) {
    connections_.push_back(
        std::make_unique<Connection>(context_, play.target.address, static_cast<ConnectionOwner&>(*this), i));
    idle_.push_back(connections_.back().get());
  }
}

void Player::play(SteadyTime start) {
  start_ = start;
  tick();
  dispatch();
  context_.run();
  history_.flush();
  finished_ = true;
}

int64_t Player::now_us() const {
  return std::chrono::duration_cast<microseconds>(steady_clock::now() - start_).count();
}

Stats Player::snapshot() const {
  const std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

void Player::publish() {
  const std::lock_guard lock(snapshot_mutex_);
  snapshot_ = stats_;
}

void Player::hand_over(RunRecord& run) {
  std::erase_if(packets_, [](const PacketRecord& packet) { return packet.id.empty(); });
  std::move(packets_.begin(), packets_.end(), std::back_inserter(run.packets));
  run.uncertain_users.merge(uncertain_users_);
}

void Player::dispatch() {
  while (!idle_.empty()) {
    const int64_t now = now_us();
    unfold_sends(now);
    Action action;
    if (!take_next(now, action)) {
      return;
    }
    if (live_[action.packet].stage == Stage::kDropped) {
      ++stats_.dropped;
    } else if (may_start(action)) {
      Connection& connection = *idle_.front();
      idle_.pop_front();
      start(connection, action, now);
    } else {
      live_[action.packet].waiting.push_back(action);
    }
  }
}

// Puts every packet into the plan whose time has come.
void Player::unfold_sends(int64_t now) {
  const bool closed = play_.options.mode == Mode::kClosed;
  if (closed && now >= end_us_) {
    plan_.clear();
    return;
  }
  while (closed ? next_send_at_us_ <= plan_.next_us() : next_send_at_us_ <= now) {
    unfold(next_send_);
    next_send_ += play_.options.threads;
    // An open night ends; a closed one starts again.
    next_send_at_us_ = closed || next_send_ < play_.night.sends() ? play_.night.send_at_us(next_send_) : kNever;
  }
}

void Player::unfold(uint64_t number) {
  const PacketPlan plan = play_.night.packet(number);
  const auto packet = static_cast<uint32_t>(packets_.size());
  PacketRecord record;
  record.sender = plan.sender;
  record.recipient = plan.first_opener;
  record.kind = plan.kind;
  record.rule = plan.rule;
  record.total = plan.total;
  record.count = plan.count;
  packets_.push_back(std::move(record));
  live_.push_back({.stage = Stage::kPlanned, .number = number, .pay_token = {}, .waiting = {}});
  steps_.clear();
  play_.night.steps(number, plan, steps_);
  for (const Step& step : steps_) {
    plan_.push(Action{.due_us = step.at_us,
                      .intended_us = step.at_us,
                      .packet = packet,
                      .user = step.user,
                      .think_ms = step.think_ms,
                      .op = step.op,
                      .opens = step.opens});
  }
}

bool Player::take_next(int64_t now, Action& out) {
  const bool closed = play_.options.mode == Mode::kClosed;
  if (closed) {
    if (soon_.next_us() <= now) {
      out = soon_.pop();
      return true;
    }
    if (!plan_.empty()) {
      out = plan_.pop();
      return true;
    }
    return false;
  }
  const int64_t plan_at = plan_.next_us();
  const int64_t soon_at = soon_.next_us();
  if (std::min(plan_at, soon_at) > now) {
    arm_timer(std::min({plan_at, soon_at, next_send_at_us_}));
    return false;
  }
  out = (soon_at <= plan_at ? soon_ : plan_).pop();
  stats_.held_back += now - out.due_us > kHeldBack_us;
  return true;
}

bool Player::may_start(const Action& action) const {
  const Stage stage = live_[action.packet].stage;
  return action.op == Op::kSend || stage == Stage::kActive || (action.op == Op::kPay && stage == Stage::kSent);
}

void Player::start(Connection& connection, Action action, int64_t now) {
  if (play_.options.mode == Mode::kClosed && action.attempts == 0) {
    action.intended_us = now;
  }
  running_[connection.index()] = action;
  connection.out().clear();
  write_request(connection.out(), action);
  connection.exchange(start_ + microseconds(now));
}

void Player::arm_timer(int64_t at_us) {
  if (at_us >= timer_at_us_ || at_us == kNever) {
    return;
  }
  timer_at_us_ = at_us;
  timer_.expires_at(start_ + microseconds(at_us));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      timer_at_us_ = kNever;
      dispatch();
    }
  });
}

void Player::tick() {
  const auto now = steady_clock::now();
  for (const auto& connection : connections_) {
    if (connection->busy() && now - connection->started_at() > kRequestTimeout) {
      connection->abort();
    }
  }
  idle_.insert(idle_.end(), resting_.begin(), resting_.end());
  resting_.clear();
  history_.flush();
  publish();
  if (done(now_us())) {
    give_up_all();
    publish();
    context_.stop();
    return;
  }
  dispatch();
  tick_timer_.expires_after(kTick);
  tick_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      tick();
    }
  });
}

bool Player::done(int64_t now) const {
  if (now > end_us_ + std::chrono::duration_cast<microseconds>(kDrain).count()) {
    return true;
  }
  const bool all_planned = play_.options.mode == Mode::kClosed || next_send_at_us_ == kNever;
  return now >= end_us_ && all_planned && plan_.empty() && soon_.empty() && idle_.size() == connections_.size();
}

void Player::give_up_all() {
  for (const auto& connection : connections_) {
    if (connection->busy()) {
      Action& action = running_[connection->index()];
      action.may_have_taken_effect = true;
      give_up(action);
    }
  }
  for (const auto* heap : {&soon_, &plan_}) {
    for (const Action& action : heap->all()) {
      give_up(action);
    }
  }
  for (const Live& live : live_) {
    stats_.dropped += live.waiting.size();
  }
}

void Player::write_request(std::string& out, const Action& action) {
  const std::string& head = play_.heads[action.user];
  const std::string& id = packets_[action.packet].id;
  switch (action.op) {
    case Op::kSend:
      return write_send(out, head, play_.run, packets_[action.packet], live_[action.packet].number);
    case Op::kPay:
      return write_pay(out, head, id, live_[action.packet].pay_token);
    case Op::kGrab:
      return write_grab(out, head, id);
    case Op::kOpen:
      return write_open(out, head, id, tickets_[action.ticket]);
    case Op::kView:
      return write_view(out, head, id);
    case Op::kViewShares:
      return write_view_shares(out, head, id);
  }
}

void Player::on_exchange_ended(Connection& connection, Ending ending, const Answer& answer) {
  Action action = running_[connection.index()];
  switch (ending) {
    case Ending::kRefused:
      resting_.push_back(&connection);
      ++stats_.refused;
      retry(action, 0);
      break;
    case Ending::kBroken:
      idle_.push_back(&connection);
      ++stats_.broken;
      action.may_have_taken_effect = true;
      retry(action, 0);
      break;
    case Ending::kAnswered:
      idle_.push_back(&connection);
      on_answer(action, answer);
      break;
  }
  dispatch();
}

}  // namespace hongbao::load
