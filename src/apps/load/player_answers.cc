// What a player makes of the answers. Its other half, player.cc, decides what starts when.
#include <fmt/format.h>

#include <algorithm>

#include "apps/load/player.h"

namespace hongbao::load {
namespace {

constexpr int64_t kPauseLeast_us = 20'000;
constexpr int64_t kPauseGreatest_us = 1'000'000;
constexpr size_t kRejectionLength = 160;
constexpr std::string_view kTicketExpired = "ticket_expired";  // in the problem's type

SystemClock wall_clock;

}  // namespace

void Player::on_answer(Action action, const Answer& answer) {
  ++stats_.requests;
  if (answer.status == 429 || answer.status >= 500) {
    ++(answer.status == 429 || answer.status == 503 ? stats_.overloaded : stats_.failed);
    action.may_have_taken_effect |= answer.status != 429;
    retry(action, int64_t{answer.retry_after_s} * 1'000'000);
    return;
  }
  const int64_t latency = now_us() - action.intended_us;
  stats_.latency.add(latency);
  if (answer.status != 200 && answer.status != 201) {
    on_rejected(action, answer);
    return;
  }
  if (action.op == Op::kView || action.op == Op::kViewShares) {
    ++stats_.views;
    return;
  }
  const boost::json::object* body = json_.read(answer.body);
  if (body == nullptr) {
    action.may_have_taken_effect = true;
    on_rejected(action, answer);
  } else if (action.op == Op::kGrab) {
    on_grabbed(action, *body);
  } else if (action.op == Op::kOpen) {
    on_opened(action, *body, latency);
  } else if (action.op == Op::kSend) {
    on_sent(action, *body);
  } else {
    on_paid(action);
  }
}

void Player::on_sent(const Action& action, const boost::json::object& body) {
  const boost::json::object* sent = object_of(body, "packet");
  const auto id = sent == nullptr ? std::nullopt : text_of(*sent, "id");
  const auto pay_token = text_of(body, "pay_token");
  if (!id || !pay_token) {
    ++stats_.rejected;
    drop_packet(action.packet);
    return;
  }
  PacketRecord& packet = packets_[action.packet];
  packet.id = *id;
  packet.commitment = text_of(*sent, "commitment").value_or("");
  live_[action.packet].pay_token = *pay_token;
  history_.sent(packet, wall_clock.now());
  enter(action.packet, Stage::kSent);
}

void Player::on_paid(const Action& action) {
  ++stats_.sends;
  packets_[action.packet].paid = true;
  history_.paid(packets_[action.packet], wall_clock.now());
  live_[action.packet].pay_token = {};
  enter(action.packet, Stage::kActive);
}

// Lets the actions go that waited for this stage.
void Player::enter(uint32_t packet, Stage stage) {
  Live& live = live_[packet];
  live.stage = stage;
  const std::vector<Action> waiting = std::move(live.waiting);
  live.waiting = {};
  const int64_t now = now_us();
  for (Action action : waiting) {
    if (!may_start(action)) {
      live.waiting.push_back(action);
      continue;
    }
    action.due_us = now;
    soon_.push(action);
  }
}

void Player::on_grabbed(const Action& action, const boost::json::object& body) {
  const auto outcome = parse_outcome(text_of(body, "outcome").value_or(""));
  if (!outcome) {
    ++stats_.rejected;
    return;
  }
  ++stats_.grabs;
  stats_.late_grabs += *outcome == Outcome::kExhausted || *outcome == Outcome::kExpired;
  note_share(action, *outcome, body);
  const auto ticket = text_of(body, "ticket");
  if (!action.opens || *outcome != Outcome::kTicket || !ticket) {
    return;
  }
  Action open = action;
  open.op = Op::kOpen;
  open.attempts = 0;
  open.may_have_taken_effect = false;
  open.ticket = keep_ticket(*ticket);
  open.intended_us += int64_t{action.think_ms} * 1'000;
  open.due_us = play_.options.mode == Mode::kClosed ? now_us() : std::max(open.intended_us, now_us());
  soon_.push(open);
}

void Player::on_opened(const Action& action, const boost::json::object& body, int64_t latency_us) {
  forget_ticket(action);
  const auto outcome = parse_outcome(text_of(body, "outcome").value_or(""));
  if (!outcome) {
    ++stats_.rejected;
    return;
  }
  note_share(action, *outcome, body);
  if (*outcome == Outcome::kOpened) {
    stats_.open_latency.add(latency_us);
  } else {
    ++stats_.late_opens;
  }
}

void Player::note_share(const Action& action, Outcome outcome, const boost::json::object& body) {
  PacketRecord& packet = packets_[action.packet];
  packet.note_outcome(outcome);
  const boost::json::object* share = object_of(body, "share");
  if (share == nullptr) {
    history_.answered(action.op, packet, action.user, outcome, nullptr, wall_clock.now());
    return;
  }
  const ShareAnswer answer{action.user, static_cast<uint32_t>(integer_of(*share, "seq").value_or(0)),
                           Money(integer_of(*share, "amount").value_or(0)),
                           static_cast<uint64_t>(integer_of(*share, "voucher").value_or(0))};
  stats_.opens += packet.note_share(answer);
  history_.answered(action.op, packet, action.user, outcome, &answer, wall_clock.now());
}

void Player::on_rejected(const Action& action, const Answer& answer) {
  if (action.op == Op::kOpen && answer.body.find(kTicketExpired) != std::string::npos) {
    // An outage outlasted the ticket; a new tap gets another.
    forget_ticket(action);
    Action grab = action;
    grab.op = Op::kGrab;
    retry(grab, 0);
    return;
  }
  ++stats_.rejected;
  std::string what = fmt::format("{} {}", answer.status, answer.body.substr(0, kRejectionLength));
  if (stats_.rejections.size() < Stats::kRejectionsMax || stats_.rejections.contains(what)) {
    ++stats_.rejections[std::move(what)];
  }
  abandon(action);
}

void Player::retry(Action action, int64_t pause_us) {
  if (++action.attempts >= kAttemptsMax) {
    give_up(action);
    return;
  }
  const int64_t backoff = std::min(kPauseGreatest_us, kPauseLeast_us << std::min<int>(action.attempts - 1, 10));
  // Spread, so that what failed together does not come back together.
  const int64_t spread = backoff * (action.user % 32) / 64;
  action.due_us = now_us() + std::clamp(pause_us, backoff, kPauseGreatest_us) + spread;
  soon_.push(action);
}

void Player::give_up(const Action& action) {
  ++stats_.given_up;
  abandon(action);
}

void Player::abandon(const Action& action) {
  if (action.op == Op::kOpen) {
    forget_ticket(action);
  }
  if (action.may_have_taken_effect && (action.op == Op::kOpen || action.op == Op::kPay)) {
    packets_[action.packet].uncertain = true;
    uncertain_users_.insert(action.user);
    history_.unknown(action.op, packets_[action.packet], action.user, wall_clock.now());
  }
  if (action.op == Op::kSend || action.op == Op::kPay) {
    drop_packet(action.packet);
  }
}

void Player::drop_packet(uint32_t packet) {
  live_[packet].stage = Stage::kDropped;
  stats_.dropped += live_[packet].waiting.size();
  live_[packet].waiting = {};
}

uint32_t Player::keep_ticket(std::string_view ticket) {
  if (free_tickets_.empty()) {
    free_tickets_.push_back(static_cast<uint32_t>(tickets_.size()));
    tickets_.emplace_back();
  }
  const uint32_t index = free_tickets_.back();
  free_tickets_.pop_back();
  tickets_[index] = ticket;
  return index;
}

void Player::forget_ticket(const Action& action) {
  free_tickets_.push_back(action.ticket);
}

}  // namespace hongbao::load
