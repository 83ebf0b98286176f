#include "shard/gate.h"

namespace hongbao {
namespace {

OpenAnswer judge(const ResidentPacket& packet, const UserId& user, Timestamp now) {
  // The state first: a packet seen as finished shows all its shares, so a taker is never told "too late".
  const PacketState state = packet.published_state();
  return judge_open({.state = state,
                     .expires_at = packet.expires_at(),
                     .is_for_user = packet.is_for(user),
                     .share = packet.shares().find_published(user)},
                    now);
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

std::optional<OpenAnswer> PacketGate::look(const PacketKey& key, const UserId& user, Timestamp now) const {
  const auto packet = find_active(key);
  return packet ? std::optional(judge(*packet, user, now)) : std::nullopt;
}

std::optional<Result<OpenAnswer>> PacketGate::enter(const PacketKey& key, const UserId& user, Timestamp now,
                                                    OpenPermit& permit) const {
  auto packet = find_active(key);
  if (!packet) {
    return std::nullopt;
  }
  OpenAnswer answer = judge(*packet, user, now);
  if (answer.outcome != OpenOutcome::kTicket) {
    return answer;
  }
  if (packet->opens_in_flight.fetch_add(1, std::memory_order_relaxed) >= opens_in_flight_max_) {
    packet->opens_in_flight.fetch_sub(1, std::memory_order_relaxed);
    return fail(ErrorCode::kPacketBusy, "too many opens of this packet are on their way", "id");
  }
  permit = OpenPermit(std::move(packet));
  return std::nullopt;
}

}  // namespace hongbao
