#include "sim/network.h"

#include <vector>

#include "routing/codec.h"
#include "sim/process.h"

namespace hongbao::sim {
namespace {

std::unexpected<Error> unknown() {
  return fail(ErrorCode::kOutcomeUnknown, "the simulated link broke");
}

}  // namespace

void Network::send(uint64_t from, const std::string& node, std::string_view call, SteadyTime deadline,
                   Done<std::string_view> done) {
  if (env_.faults.strikes(Fault::kLinkDown)) {
    done(fail(ErrorCode::kUnavailable, "the simulated link is down"));
    return;
  }
  env_.history.note("link_call", next_, from);
  sent_.emplace(next_++, Sent{from, node, std::string(call), deadline, std::move(done)});
}

void Network::step() {
  const uint64_t chosen = env_.dice.below(sent_.size() + pauses_.size());
  if (chosen < sent_.size()) {
    const auto sent = std::next(sent_.begin(), static_cast<std::ptrdiff_t>(chosen));
    move_on(sent->first, sent->second);
  } else {
    end_pause(std::next(pauses_.begin(), static_cast<std::ptrdiff_t>(chosen - sent_.size()))->first);
  }
}

void Network::end_pause(uint64_t id) {
  Pause& pause = pauses_.at(id);
  if (env_.clock.steady_now() < pause.at) {
    return;
  }
  auto task = std::move(pause.task);
  const uint64_t process = pause.process;
  if (hosts_.play_at(process, [&](Process&) {
        pauses_.erase(id);
        std::exchange(task, nullptr)(true);
      })) {
    return;
  }
  pause.task = std::move(task);  // it is stopped, and looks at its timers when it goes on
}

bool Network::tell(Sent& sent, const Result<std::string_view>& what) {
  auto done = std::move(sent.done);
  const bool shares_name = sent.answerer_shares_name;
  const bool told = hosts_.play_at(sent.from, [&](Process&) {
    answerer_shares_name_ = shares_name;
    std::exchange(done, nullptr)(what);
  });
  if (!told) {
    sent.done = std::move(done);
  }
  return told;
}

void Network::move_on(uint64_t id, Sent& sent) {
  const bool is_late = env_.clock.steady_now() >= sent.deadline;
  if (sent.done && is_late) {
    env_.history.note("link_late", id);
    tell(sent, unknown());
    return;
  }
  switch (sent.stage) {
    case Stage::kOnItsWay:
      if (env_.faults.strikes(Fault::kLinkLostBefore)) {
        Sent lost = std::move(sent);
        sent_.erase(id);
        if (lost.done && !tell(lost, unknown())) {
          sent_.emplace(id, std::move(lost)).first->second.stage = Stage::kAnswered;  // nobody has it
        }
      } else if (sent.done && env_.faults.strikes(Fault::kLinkLostWhile)) {
        tell(sent, unknown());
      } else {
        arrive(id, sent);
      }
      return;
    case Stage::kArrived:
      if (sent.done && env_.faults.strikes(Fault::kLinkLostWhile)) {
        tell(sent, unknown());
      }
      return;
    case Stage::kAnswered: {
      Sent over = std::move(sent);
      sent_.erase(id);
      const bool is_lost = over.answer.empty() || env_.faults.strikes(Fault::kLinkLostAfter);
      if (over.done && !tell(over, is_lost ? Result<std::string_view>(unknown()) : std::string_view(over.answer))) {
        sent_.emplace(id, std::move(over));
      }
      return;
    }
  }
}

void Network::arrive(uint64_t id, Sent& sent) {
  Process* const there = hosts_.find_node(sent.node);
  if (there == nullptr) {
    Sent refused = std::move(sent);
    sent_.erase(id);
    if (refused.done && !tell(refused, fail(ErrorCode::kUnavailable, "the simulated node is down"))) {
      sent_.emplace(id, std::move(refused));
    }
    return;
  }
  const std::string bytes = sent.call;
  const SteadyTime deadline = sent.deadline;
  const uint64_t number = there->number();
  hosts_.play_at(number, [&](Process& here) {
    Sent& arrived = sent_.at(id);
    arrived.stage = Stage::kArrived;
    arrived.at = number;
    const auto call = decode_call(bytes, deadline);
    if (!call) {
      env_.violation("a call between nodes is not understood");
      return;
    }
    here.forwarder.carry_out(*call,
                             [this, id, &here](const Result<PacketAnswer>& answer) { answered(id, here, answer); });
  });
}

void Network::answered(uint64_t id, const Process& by, const Result<PacketAnswer>& answer) {
  const auto found = sent_.find(id);
  if (found == sent_.end()) {
    return;
  }
  Sent& sent = found->second;
  env_.history.note("link_answer", id, answer ? 0 : static_cast<uint64_t>(answer.error().code) + 1);
  encode(answer, sent.answer);
  sent.stage = Stage::kAnswered;
  sent.answerer_shares_name = by.shares_name();
  env_.faults.crash_if(Fault::kCrashOnAnswer);
}

// Nobody waits for what it asked; and whoever asked it sees its connection end.
void Network::lose(uint64_t process) {
  std::erase_if(sent_,
                [&](auto& entry) { return entry.second.from == process && entry.second.stage != Stage::kOnItsWay; });
  for (auto& [id, sent] : sent_) {
    if (sent.from == process) {
      sent.done = nullptr;  // it may arrive all the same
    }
    if (sent.stage == Stage::kArrived && sent.at == process) {
      sent.stage = Stage::kAnswered;
      sent.answer.clear();
    }
  }
  std::erase_if(pauses_, [&](const auto& entry) { return entry.second.process == process; });
}

}  // namespace hongbao::sim
