// The callers that grab and open.
#include <fmt/format.h>

#include "sim/callers.h"

namespace hongbao::sim {
namespace {

bool same(const Share& a, const Share& b) {
  return a.seq == b.seq && a.user == b.user && a.amount == b.amount && a.opened_at == b.opened_at &&
         a.voucher == b.voucher;
}

}  // namespace

Callers::Known Callers::known_to(const Task& task) const {
  const auto taker = task.packet->takers.find(task.user);
  return {taker != task.packet->takers.end() && taker->second.share.has_value(), task.packet->told_paid};
}

// While leases hold, whoever answers has seen everything that any node ever told.
bool Callers::answerer_has_seen_all() const {
  return env_.leases_hold && !answerer_shares_name_;
}

void Callers::expect_opened(const Task& task, const Known& known) {
  if (known.share && answerer_has_seen_all()) {
    env_.violation(fmt::format("{} was told of a share, and later of none", task.user.text()));
  }
}

// Of who has not seen all it is no last word: this taker may have a share whose answer was lost.
void Callers::told_of_none(Task& task) {
  task.stage = answerer_has_seen_all() || finishing_ ? Stage::kOver : Stage::kReady;
}

void Callers::expect_no_denial(const Task& task, const Known& known, std::optional<ErrorCode> error) {
  const bool denied = error == ErrorCode::kNotFound || error == ErrorCode::kNotPaid;
  if (denied && known.paid && answerer_has_seen_all()) {
    env_.violation(fmt::format("{} was told that a packet which was paid is not", task.user.text()));
  }
}

void Callers::grab(Process& process, Task& task) {
  bring(process, GrabCall{task.user, task.packet->key}, [this, &task, known = known_to(task)](auto answer) {
    TakerRecord& taker = task.packet->takers[task.user];
    const auto error = error_of(answer);
    expect_no_denial(task, known, error);
    if (answer && *answer && (**answer).outcome != OpenOutcome::kOpened) {
      expect_opened(task, known);
    }
    if (answer && *answer) {
      GrabAnswer& grabbed = **answer;
      if (grabbed.outcome == OpenOutcome::kTicket) {
        task.ticket = grabbed.ticket;
        task.stage = Stage::kReady;
      } else if (grabbed.outcome == OpenOutcome::kOpened) {
        told_share(task, *grabbed.share);
      } else {
        told_of_none(task);
      }
    } else if (finishing_ && (error == ErrorCode::kNotFound || error == ErrorCode::kNotPaid)) {
      task.stage = Stage::kOver;
    } else {
      Asked asked = taker.asked;  // a grab has no effect, so a lost one leaves no doubt
      not_yet(task, asked, answer);
    }
  });
}

void Callers::open(Process& process, Task& task) {
  TakerRecord& taker = task.packet->takers[task.user];
  taker.asked.at_all = true;
  bring(process, OpenCall{task.user, task.packet->key, std::exchange(task.ticket, {})},
        [this, &task, &taker, known = known_to(task)](auto answer) {
          expect_no_denial(task, known, error_of(answer));
          if (answer && *answer) {
            OpenAnswer& opened = **answer;
            if (opened.outcome != OpenOutcome::kOpened) {
              expect_opened(task, known);
            }
            if (opened.outcome == OpenOutcome::kOpened) {
              told_share(task, *opened.share);
            } else {
              told_of_none(task);
            }
          } else if (error_of(answer) == ErrorCode::kForbidden) {
            task.stage = Stage::kOver;
          } else {
            not_yet(task, taker.asked, answer);
          }
        });
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
