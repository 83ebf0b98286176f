#include "shard/gate.h"

namespace hongbao {
namespace {

GateAnswer judge(const ResidentPacket& packet, const UserId& user, Timestamp now) {
  // The state first: a packet seen as finished shows all its shares, so a taker is never told "too late".
  const PacketState state = packet.published_state();
  if (auto share = packet.shares().find_published(user)) {
    return {GateOutcome::kOpened, std::move(share)};
  }
  if (!packet.is_for(user)) {
    return {GateOutcome::kNotForYou};
  }
  if (state == PacketState::kExhausted) {
    return {GateOutcome::kExhausted};
  }
  if (state == PacketState::kExpired || now >= packet.expires_at()) {
    return {GateOutcome::kExpired};
  }
  return {GateOutcome::kMayOpen};
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

GateAnswer PacketGate::look(const PacketKey& key, const UserId& user, Timestamp now) const {
  const auto packet = find_active(key);
  return packet ? judge(*packet, user, now) : GateAnswer{};
}

GateAnswer PacketGate::enter(const PacketKey& key, const UserId& user, Timestamp now, OpenPermit& permit) const {
  auto packet = find_active(key);
  if (!packet) {
    return {};
  }
  GateAnswer answer = judge(*packet, user, now);
  if (answer.outcome != GateOutcome::kMayOpen) {
    return answer;
  }
  if (packet->opens_in_flight.fetch_add(1, std::memory_order_relaxed) >= opens_in_flight_max_) {
    packet->opens_in_flight.fetch_sub(1, std::memory_order_relaxed);
    return {GateOutcome::kBusy};
  }
  permit = OpenPermit(std::move(packet));
  return answer;
}

}  // namespace hongbao
