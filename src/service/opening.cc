#include "service/opening.h"

namespace hongbao {
namespace {

std::unexpected<Error> not_in_group() {
  return fail(ErrorCode::kNotInGroup, "this packet is for a group that the token does not name", "id");
}

// To an open, unlike a grab, "not for you" is an error.
Result<OpenAnswer> told(Result<OpenAnswer> answer) {
  if (answer && answer->outcome == OpenOutcome::kNotInGroup) {
    return not_in_group();
  }
  if (answer && answer->outcome == OpenOutcome::kNotForYou) {
    return fail(ErrorCode::kForbidden, "this packet is for another user", "id");
  }
  return answer;
}

std::unexpected<Error> account_frozen() {
  return fail(ErrorCode::kAccountFrozen, "this account is frozen: it draws no shares");
}

Result<OpenAnswer> answer_of(Result<ShardAnswer> answer) {
  if (!answer) {
    return std::unexpected(std::move(answer.error()));
  }
  return answer->outcome == ShardOutcome::kAbsent ? packet_not_found() : told(std::move(answer->open));
}

}  // namespace

Result<GrabAnswer> Opening::answer_grab(std::optional<OpenAnswer> seen, const PacketKey& key,
                                        const Asker& asker) const {
  if (!seen) {
    return fail(ErrorCode::kOverloaded, "the packet could not stay in memory");
  }
  if (seen->outcome == OpenOutcome::kNotInGroup) {
    return not_in_group();
  }
  if (seen->outcome != OpenOutcome::kTicket) {
    return GrabAnswer{.outcome = seen->outcome, .share = std::move(seen->share)};
  }
  if (frozen_.contains(asker.user)) {
    return account_frozen();
  }
  const Timestamp expires_at = clock_.now() + ticket_ttl_;
  return GrabAnswer{OpenOutcome::kTicket, tickets_.print(key, asker.user, expires_at), expires_at};
}

void Opening::grab(const PacketKey& key, const Asker& asker, SteadyTime deadline, Done<GrabAnswer> done) const {
  if (!control_.is_on(Switch::kGrabs)) {
    done(fail(ErrorCode::kSwitchedOff, "grabbing is switched off for now"));
    return;
  }
  const Shard* shard = shards_.find(key.shard);
  if (shard == nullptr) {
    done(packet_not_found());
    return;
  }
  if (auto seen = shard->gate().look(key, asker, clock_.now())) {
    done(answer_grab(std::move(seen), key, asker));
    return;
  }
  residency_.load(key, deadline,
                  [this, shard, key, asker, done = std::move(done)](Result<Residency::Packet> found) mutable {
                    if (found) {
                      done(answer_grab(shard->gate().look_behind(key, asker, clock_.now()), key, asker));
                    } else {
                      done(std::unexpected(found.error()));
                    }
                  });
}

void Opening::open(const PacketKey& key, const Asker& asker, std::string_view ticket, SteadyTime deadline,
                   Done<OpenAnswer> done) const {
  if (!control_.is_on(Switch::kOpens)) {
    done(fail(ErrorCode::kSwitchedOff, "opening is switched off for now"));
    return;
  }
  const Timestamp now = clock_.now();
  if (const auto checked = tickets_.check(ticket, key, asker.user, now); !checked) {
    done(std::unexpected(checked.error()));
    return;
  }
  Shard* shard = shards_.find(key.shard);
  if (shard == nullptr) {
    done(packet_not_found());
    return;
  }
  OpenPermit permit;
  if (auto answer = shard->gate().enter(key, asker, now, permit)) {
    done(told(std::move(*answer)));
    return;
  }
  if (frozen_.contains(asker.user)) {
    done(account_frozen());
    return;
  }
  // Without a permit the packet is not resident: the shard loads it first, once however many ask.
  open_in_shard(*shard, key, asker, std::move(permit), deadline, std::move(done));
}

void Opening::open_in_shard(Shard& shard, const PacketKey& key, const Asker& asker, OpenPermit permit,
                            SteadyTime deadline, Done<OpenAnswer> done) const {
  shard.submit(OpenCommand{key, asker}, deadline,
               [permit = std::move(permit), done = std::move(done)](Result<ShardAnswer> answer) mutable {
                 permit = OpenPermit();
                 done(answer_of(std::move(answer)));
               });
}

}  // namespace hongbao
