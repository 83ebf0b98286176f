// What an open comes to: the one decision whether a user may have a share of a packet. The packet gate asks it about
// what is committed, and the shard's engine about what it has decided so far. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ids.h"
#include "core/money.h"
#include "core/packet.h"

namespace hongbao {

struct Share {
  uint32_t seq = 0;  // from 1
  UserId user;
  Money amount;
  Timestamp opened_at;
  VoucherNo voucher;
};

enum class OpenOutcome : uint8_t {
  kTicket,      // the user may open: a grab is answered with a ticket, an open draws a share
  kOpened,      // `share` is the user's
  kExhausted,   //
  kExpired,     //
  kNotForYou,   // exclusive, and for another user
  kNotInGroup,  // of a group that the user is not in; told as an error
};
std::string_view to_text(OpenOutcome outcome);

struct OpenAnswer {
  OpenOutcome outcome = OpenOutcome::kExhausted;
  std::optional<Share> share{};  // kOpened
};

// A packet as one user meets it.
struct MetPacket {
  PacketState state = PacketState::kActive;
  Timestamp expires_at;
  bool is_for_user = true;
  bool is_in_group = true;       // the packet is of no group, or of the user's; or the user sent it
  std::optional<Share> share{};  // the user's own
};

// REQUIRES: the packet was paid. Whoever has a share keeps it, also when the packet is finished, and
// outside of its group.
OpenAnswer judge_open(MetPacket packet, Timestamp now);

}  // namespace hongbao
