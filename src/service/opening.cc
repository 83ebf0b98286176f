#include "service/opening.h"

#include "base/check.h"

namespace hongbao {
namespace {

std::unexpected<Error> not_for_you() {
  return fail(ErrorCode::kForbidden, "this packet is for another user", "id");
}

Result<OpenAnswer> answer_of(ShardAnswer answer) {
  switch (answer.outcome) {
    case ShardOutcome::kOpened:
      return OpenAnswer{OpenOutcome::kOpened, std::move(answer.share)};
    case ShardOutcome::kExhausted:
      return OpenAnswer{OpenOutcome::kExhausted};
    case ShardOutcome::kExpired:
      return OpenAnswer{OpenOutcome::kExpired};
    case ShardOutcome::kNotForYou:
      return not_for_you();
    case ShardOutcome::kAbsent:
      return packet_not_found();
    case ShardOutcome::kDone:
    case ShardOutcome::kReturned:
    case ShardOutcome::kNotDue:
      break;
  }
  return fail(ErrorCode::kInternal, "the shard answered something else");
}

// nullopt: the shard has to decide.
std::optional<Result<OpenAnswer>> answer_from_gate(GateAnswer seen) {
  switch (seen.outcome) {
    case GateOutcome::kOpened:
      return OpenAnswer{OpenOutcome::kOpened, std::move(seen.share)};
    case GateOutcome::kExhausted:
      return OpenAnswer{OpenOutcome::kExhausted};
    case GateOutcome::kExpired:
      return OpenAnswer{OpenOutcome::kExpired};
    case GateOutcome::kNotForYou:
      return not_for_you();
    case GateOutcome::kBusy:
      return fail(ErrorCode::kPacketBusy, "too many opens of this packet are on their way", "id");
    case GateOutcome::kMayOpen:
    case GateOutcome::kNotResident:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_text(OpenOutcome outcome) {
  switch (outcome) {
    case OpenOutcome::kTicket:
      return "ticket";
    case OpenOutcome::kOpened:
      return "opened";
    case OpenOutcome::kExhausted:
      return "exhausted";
    case OpenOutcome::kExpired:
      return "expired";
    case OpenOutcome::kNotForYou:
      return "not_for_you";
  }
  CHECK(false);
}

Result<GrabAnswer> Opening::judge_grab(const GateAnswer& seen, const PacketKey& key, const UserId& user) const {
  switch (seen.outcome) {
    case GateOutcome::kMayOpen:
    case GateOutcome::kBusy: {
      const Timestamp expires_at = clock_.now() + ticket_ttl_;
      return GrabAnswer{OpenOutcome::kTicket, tickets_.print(key, user, expires_at), expires_at};
    }
    case GateOutcome::kOpened:
      return GrabAnswer{.outcome = OpenOutcome::kOpened, .share = seen.share};
    case GateOutcome::kExhausted:
      return GrabAnswer{OpenOutcome::kExhausted};
    case GateOutcome::kExpired:
      return GrabAnswer{OpenOutcome::kExpired};
    case GateOutcome::kNotForYou:
      return GrabAnswer{OpenOutcome::kNotForYou};
    case GateOutcome::kNotResident:
      break;
  }
  return fail(ErrorCode::kOverloaded, "the packet could not stay in memory");
}

void Opening::grab(const PacketKey& key, const UserId& user, SteadyTime deadline, Done<GrabAnswer> done) const {
  if (!control_.is_on(Switch::kGrabs)) {
    done(fail(ErrorCode::kSwitchedOff, "grabbing is switched off for now"));
    return;
  }
  const Shard* shard = shards_.find(key.shard);
  if (shard == nullptr) {
    done(packet_not_found());
    return;
  }
  const GateAnswer seen = shard->gate().look(key, user, clock_.now());
  if (seen.outcome != GateOutcome::kNotResident) {
    done(judge_grab(seen, key, user));
    return;
  }
  residency_.find(key, deadline,
                  [this, shard, key, user, done = std::move(done)](Result<Residency::Packet> found) mutable {
                    if (found) {
                      done(judge_grab(shard->gate().look(key, user, clock_.now()), key, user));
                    } else {
                      done(std::unexpected(found.error()));
                    }
                  });
}

void Opening::open(const PacketKey& key, const UserId& user, std::string_view ticket, SteadyTime deadline,
                   Done<OpenAnswer> done) const {
  if (!control_.is_on(Switch::kOpens)) {
    done(fail(ErrorCode::kSwitchedOff, "opening is switched off for now"));
    return;
  }
  const Timestamp now = clock_.now();
  if (const auto checked = tickets_.check(ticket, key, user, now); !checked) {
    done(std::unexpected(checked.error()));
    return;
  }
  Shard* shard = shards_.find(key.shard);
  if (shard == nullptr) {
    done(packet_not_found());
    return;
  }
  OpenPermit permit;
  if (auto answer = answer_from_gate(shard->gate().enter(key, user, now, permit))) {
    done(std::move(*answer));
    return;
  }
  // Without a permit the packet is not resident: the shard loads it first, once however many ask.
  open_in_shard(*shard, key, user, std::move(permit), deadline, std::move(done));
}

void Opening::open_in_shard(Shard& shard, const PacketKey& key, const UserId& user, OpenPermit permit,
                            SteadyTime deadline, Done<OpenAnswer> done) const {
  shard.submit(OpenCommand{key, user}, deadline,
               [permit = std::move(permit), done = std::move(done)](Result<ShardAnswer> answer) mutable {
                 permit = OpenPermit();
                 done(answer ? answer_of(std::move(*answer)) : std::unexpected(answer.error()));
               });
}

}  // namespace hongbao
