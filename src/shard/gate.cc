#include "shard/gate.h"

namespace hongbao {
namespace {

struct Judged {
  OpenAnswer answer;
  bool is_by_clock;  // "too late" by the clock alone: it is not finished, and opens that were in time may be on their
                     // way
};

Judged judge(const ResidentPacket& packet, const Asker& asker, Timestamp now) {
  // The state first: a packet seen as finished shows all its shares, so a taker is never told "too late".
  const PacketState state = packet.published_state();
  const UserId& user = asker.user;
  OpenAnswer answer = judge_open({.state = state,
                                  .expires_at = packet.expires_at(),
                                  .is_for_user = packet.is_for(user),
                                  .is_in_group = packet.is_in_reach_of(asker),
                                  .share = packet.shares().find_published(user)},
                                 now);
  const bool is_by_clock = answer.outcome == OpenOutcome::kExpired && state != PacketState::kExpired;
  return {std::move(answer), is_by_clock};
}

}  // namespace

PacketRef PacketGate::find_active(const PacketKey& key) const {
  auto packet = table_.find(key);
  if (!packet || packet->published_state() == PacketState::kAwaitingPayment) {
    return nullptr;
  }
  packet->used.store(true, std::memory_order_relaxed);
  return packet;
}

std::optional<OpenAnswer> PacketGate::look(const PacketKey& key, const Asker& asker, Timestamp now) const {
  const auto packet = find_active(key);
  if (!packet) {
    return std::nullopt;
  }
  Judged judged = judge(*packet, asker, now);
  return judged.is_by_clock ? std::nullopt : std::optional(std::move(judged.answer));
}

std::optional<OpenAnswer> PacketGate::look_behind(const PacketKey& key, const Asker& asker, Timestamp now) const {
  const auto packet = find_active(key);
  return packet ? std::optional(judge(*packet, asker, now).answer) : std::nullopt;
}

std::optional<Result<OpenAnswer>> PacketGate::enter(const PacketKey& key, const Asker& asker, Timestamp now,
                                                    OpenPermit& permit) const {
  auto packet = find_active(key);
  if (!packet) {
    return std::nullopt;
  }
  Judged judged = judge(*packet, asker, now);
  if (judged.answer.outcome != OpenOutcome::kTicket && !judged.is_by_clock) {
    return std::move(judged.answer);
  }
  if (packet->opens_in_flight.fetch_add(1, std::memory_order_relaxed) >= opens_in_flight_max_) {
    packet->opens_in_flight.fetch_sub(1, std::memory_order_relaxed);
    return fail(ErrorCode::kPacketBusy, "too many opens of this packet are on their way", "id");
  }
  permit = OpenPermit(std::move(packet));
  return std::nullopt;
}

}  // namespace hongbao
