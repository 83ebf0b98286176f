#include "routing/forwarder.h"

#include <utility>

#include "routing/codec.h"

namespace hongbao {
namespace {

constexpr std::string_view kNotAnsweredAsItShould = "the node that owns the packet has not answered as it should";

// Of an answer that came over the link. kOutcomeUnknown for what is no answer to this call: whoever wrote it has had
// it.
struct LinkAnswer {
  Result<PacketAnswer> answer;
  bool is_answered;  // by the other node
};

LinkAnswer read(const PacketCall& call, const Result<std::string_view>& bytes) {
  if (!bytes) {
    return {std::unexpected(bytes.error()), false};
  }
  auto answer = decode_answer(*bytes);
  if (!answer || (*answer && !may_answer(call, **answer))) {
    return {fail(ErrorCode::kOutcomeUnknown, std::string(kNotAnsweredAsItShould)), false};
  }
  return {std::move(*answer), true};
}

// This try did nothing, for a reason that may not have been one a moment ago, or will be none.
bool refuses_for_now(ErrorCode code) {
  return code == ErrorCode::kTicketExpired || code == ErrorCode::kPayTokenExpired ||
         code == ErrorCode::kInsufficientFunds || code == ErrorCode::kAccountFrozen;
}

// The node that was asked last does not believe the user or the channel, as the one where the call came in did.
bool is_disbelieved(ErrorCode code) {
  return code == ErrorCode::kTokenMissing || code == ErrorCode::kUnauthenticated || code == ErrorCode::kTokenExpired ||
         code == ErrorCode::kSignatureInvalid || code == ErrorCode::kNotificationStale;
}

// What a try is told though an earlier one may have taken effect, or may still: it may wait in the ledger's queue of an
// earlier owner. Everything else an owner says holds for all tries: who has a share, or has paid, is told so again.
bool is_of_this_try_only(ErrorCode code) {
  return refuses_for_now(code) || says_not_now(code) || is_disbelieved(code);
}

bool is_another_nodes(const Route& route) {
  return route.where == Route::Where::kNode || route.where == Route::Where::kNobodyKnown;
}

}  // namespace

bool says_not_now(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOverloaded:
    case ErrorCode::kPacketBusy:
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kOutcomeUnknown:
    case ErrorCode::kShuttingDown:
    case ErrorCode::kSwitchedOff:
    case ErrorCode::kFenced:
    case ErrorCode::kJournalUnavailable:
    case ErrorCode::kStorage:
      return true;
    default:
      return false;
  }
}

// One call on its way.
class Forwarder::Trip {
 public:
  Trip(PacketCall call, Arrived arrived) : call_(std::move(call)), arrived_(std::move(arrived)) {}

  [[nodiscard]] const PacketCall& call() const { return call_; }
  [[nodiscard]] ShardId shard() const { return shard_of(call_); }
  // How often it was tried at this node.
  [[nodiscard]] int tries_here() const { return tries_here_; }
  void count_here() { ++tries_here_; }
  // Nobody said what became of it; or a part of it was done, as a payment whose packet is not active yet.
  void doubt() { in_doubt_ = !only_reads(call_); }
  // By the node that was asked last, or not: the reason to give when no time is left.
  void set_unanswered(bool unanswered) { unanswered_ = unanswered; }

  void finish(Brought brought) {
    if (in_doubt_ && !brought.answer && is_of_this_try_only(brought.answer.error().code)) {
      brought = {fail(ErrorCode::kOutcomeUnknown, "it was tried before, without an answer; ask again")};
    }
    arrived_(std::move(brought));
  }
  // Without an answer of any node.
  void give_up(ErrorCode code, const char* detail) {
    if (unanswered_) {
      finish({fail(ErrorCode::kDeadlineExceeded, "the node that owns the packet did not answer in time")});
    } else {
      finish({fail(code, detail)});
    }
  }

 private:
  const PacketCall call_;
  Arrived arrived_;
  int tries_here_ = 0;
  bool in_doubt_ = false;
  bool unanswered_ = false;
};

ForwarderMetrics::ForwarderMetrics(prometheus::Registry& registry)
    : forwarded(add_counter(registry, "hongbao_forwarded_total", "Requests sent to another node.")),
      repeated(add_counter(registry, "hongbao_forward_retries_total",
                           "Tries that found no owner, or one that had just lost the shard.")) {}

Forwarder::Forwarder(FindRoute route, CarryOut carry_out, NodeLink& link, RetryTimer& timer, const Clock& clock,
                     ForwarderLimits limits, prometheus::Registry& registry)
    : route_(std::move(route)),
      carry_out_(std::move(carry_out)),
      link_(link),
      timer_(timer),
      clock_(clock),
      limits_(limits),
      metrics_(registry) {}

void Forwarder::bring(PacketCall call, Arrived arrived) {
  run(std::make_shared<Trip>(std::move(call), std::move(arrived)));
}

void Forwarder::run(TripRef trip) {
  const Route route = route_(trip->shard());
  const bool may_be_finished = only_reads(trip->call()) && route.is_away && trip->tries_here() == 0;
  if (!is_another_nodes(route) || may_be_finished) {
    run_here(std::move(trip));
  } else if (route.where == Route::Where::kNode) {
    send(route.node, std::move(trip));
  } else {
    run_later(std::move(trip));
  }
}

void Forwarder::run_here(TripRef trip) {
  trip->count_here();
  const TripRef kept = trip;  // whoever carries it out may answer, and still read it
  carry_out(kept->call(), [this, trip = std::move(trip)](Result<PacketAnswer> answer) mutable {
    if (answer || answer.error().code != ErrorCode::kFenced) {
      trip->finish({std::move(answer)});
      return;
    }
    trip->doubt();
    trip->set_unanswered(false);
    if (trip->tries_here() == 1) {
      run(std::move(trip));
    } else {
      run_later(std::move(trip));
    }
  });
}

void Forwarder::carry_out(const PacketCall& call, Done<PacketAnswer> done) const {
  if (!is_payment(call)) {
    carry_out_(call, std::move(done));
    return;
  }
  // The money may have moved when the shard did: its owner goes on from there. Where it has surely not, this answer
  // holds, whoever has the shard.
  carry_out_(call, [this, shard = shard_of(call), done = std::move(done)](Result<PacketAnswer> answer) mutable {
    if (!answer && !refuses_for_now(answer.error().code) && is_another_nodes(route_(shard))) {
      answer = fail(ErrorCode::kFenced, "another node owns this packet's shard");
    }
    done(std::move(answer));
  });
}

void Forwarder::send(const Member& owner, TripRef trip) {
  thread_local std::string bytes;
  metrics_.forwarded.Increment();
  const PacketCall& call = trip->call();
  encode(call, bytes);
  link_.call(owner, bytes, call.flow, call.deadline,
             [this, name = owner.node, trip = std::move(trip)](const Result<std::string_view>& answer_bytes) mutable {
               auto [answer, is_answered] = read(trip->call(), answer_bytes);
               const ErrorCode code = answer ? ErrorCode::kInternal : answer.error().code;
               if (is_answered && (answer || code != ErrorCode::kFenced)) {
                 trip->finish({std::move(answer), std::move(name)});
               } else if (!is_answered && code != ErrorCode::kUnavailable && code != ErrorCode::kOutcomeUnknown) {
                 trip->finish({std::move(answer)});
               } else {
                 trip->set_unanswered(code == ErrorCode::kOutcomeUnknown);
                 if (code != ErrorCode::kUnavailable) {
                   trip->doubt();
                 }
                 run_later(std::move(trip));
               }
             });
}

void Forwarder::run_later(TripRef trip) {
  metrics_.repeated.Increment();
  const SteadyTime at = clock_.steady_now() + limits_.retry_pause;
  if (at >= trip->call().deadline) {
    trip->give_up(ErrorCode::kUnavailable, "the packet's shard has no owner at the moment");
    return;
  }
  if (waiting_.fetch_add(1) >= limits_.calls_waiting_max) {
    --waiting_;
    trip->give_up(ErrorCode::kOverloaded, "too many requests wait for shards that change hands");
    return;
  }
  timer_.run_at(at, [this, trip = std::move(trip)](bool in_time) mutable {
    --waiting_;
    if (in_time) {
      run(std::move(trip));
    } else {
      trip->give_up(ErrorCode::kShuttingDown, "the server is stopping");
    }
  });
}

}  // namespace hongbao
