// What a shard can be asked, and what it answers.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "core/packet.h"
#include "shard/share_list.h"

namespace hongbao {

// The packet's money is in escrow: make it active, or send the money back when the order has lapsed. Repeatable.
struct ActivateCommand {
  Order order;
};
struct OpenCommand {
  PacketKey packet;
  UserId user;
};
// Send the unclaimed rest back if expires_at has passed. Repeatable.
struct RefundCommand {
  PacketKey packet;
};
// Make the packet resident, so that the packet gate can answer for it.
struct LoadCommand {
  PacketKey packet;
};

using Command = std::variant<ActivateCommand, OpenCommand, RefundCommand, LoadCommand>;

const PacketKey& packet_of(const Command& command);

enum class ShardOutcome : uint8_t {
  kDone,       // activated, refunded or loaded, now or before
  kOpened,     // `share` is the user's, now or before
  kExhausted,  //
  kExpired,    //
  kNotForYou,  // exclusive, and not for this user
  kReturned,   // activate: the payment came too late and went back to the sender
  kNotDue,     // refund: not expired yet
  kAbsent,     // the shard does not have this packet
};

struct ShardAnswer {
  ShardOutcome outcome = ShardOutcome::kDone;
  std::optional<Share> share{};
};

}  // namespace hongbao
