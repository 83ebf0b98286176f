// What a shard can be asked, and what it answers.
#pragma once

#include <cstdint>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "core/ledgers.h"
#include "core/open.h"
#include "core/packet.h"

namespace hongbao {

// The packet's money is in escrow: make it active, or send the money back when the order has lapsed. Repeatable.
struct ActivateCommand {
  Order order;
  LedgerId paid_in{};  // the ledger with the payment
};
struct OpenCommand {
  PacketKey packet;
  Asker asker;
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
  kDone,      // activated, refunded or loaded, now or before; or an open was decided
  kReturned,  // activate: the packet's payment came too late and went back to the sender
  kNotDue,    // refund: not expired yet
  kAbsent,    // the shard does not have this packet
};

struct ShardAnswer {
  ShardOutcome outcome = ShardOutcome::kDone;
  OpenAnswer open{};               // what an open came to, when it was decided; never kTicket
  bool stands_on_another = false;  // activate: on a payment in another ledger; this one is to be given back there
};

// A command on its way, and who waits for the answer.
struct PendingCommand {
  Command command;
  SteadyTime deadline;
  Done<ShardAnswer> done;
};

}  // namespace hongbao
