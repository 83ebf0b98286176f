#include "core/open.h"

#include <utility>

#include "base/check.h"

namespace hongbao {

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
    case OpenOutcome::kNotInGroup:
      return "not_in_group";
  }
  CHECK(false);
}

OpenAnswer judge_open(MetPacket packet, Timestamp now) {
  if (packet.share) {
    return {OpenOutcome::kOpened, std::move(packet.share)};
  }
  if (!packet.is_in_group) {
    return {OpenOutcome::kNotInGroup};
  }
  if (!packet.is_for_user) {
    return {OpenOutcome::kNotForYou};
  }
  if (packet.state == PacketState::kExhausted) {
    return {OpenOutcome::kExhausted};
  }
  if (packet.state == PacketState::kExpired || now >= packet.expires_at) {
    return {OpenOutcome::kExpired};
  }
  return {OpenOutcome::kTicket};
}

}  // namespace hongbao
