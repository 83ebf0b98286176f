// A packet: what was ordered, where it stands, and the decision which share an opener gets. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/crypto.h"
#include "core/asker.h"
#include "core/draw.h"
#include "core/ids.h"
#include "core/ledgers.h"
#include "core/money.h"

namespace hongbao {

// How a packet may be opened.
enum class PacketKind : uint8_t { kLucky = 1, kEqual = 2, kExclusive = 3 };
// How its money is split. Lucky packets are classic or fair; the others equal.
enum class Rule : uint8_t { kClassic = 1, kFair = 2, kEqual = 3 };

// As the API spells them. Parsing is nullopt for any other text.
std::string_view to_text(PacketKind kind);
std::string_view to_text(Rule rule);
std::optional<PacketKind> parse_packet_kind(std::string_view text);
std::optional<Rule> parse_rule(std::string_view text);

// `exhausted`: every share was opened. `expired`: what was unclaimed went back to the sender. Both are finished.
enum class PacketState : uint8_t { kAwaitingPayment = 1, kActive = 2, kExhausted = 3, kExpired = 4 };
inline constexpr int kPacketStates = 4;

enum class PacketEvent : uint8_t {
  kPaid = 1,        // the money is in escrow, in time
  kPaidLate = 2,    // the money is in escrow after the order lapsed: it goes back at once
  kOpened = 3,      // a share was opened and another is left
  kLastOpened = 4,  // the last share was opened
  kExpired = 5,     // expires_at has passed
};
inline constexpr int kPacketEvents = 5;

std::string_view to_text(PacketState state);
constexpr bool is_finished(PacketState state) {
  return state == PacketState::kExhausted || state == PacketState::kExpired;
}

// The one transition table; nullopt: the event can't happen in that state.
std::optional<PacketState> next_state(PacketState state, PacketEvent event);

// Names a send: a hash of its sender and idempotency key. Of all packets that a sender may get for one key, one can be
// paid (docs/adr/0015).
using SendKey = Hash128;

// What the sender ordered; fixed from the moment it was sent, but for the two times that payment sets.
struct Order {
  PacketKey key;
  UserId sender;
  Region sender_home = Region::kSouth;
  UserId recipient{};  // exclusive packets only
  GroupId group{};     // empty: it is for whoever knows its id
  PacketKind kind = PacketKind::kLucky;
  Rule rule = Rule::kClassic;
  Money total;
  uint32_t count = 0;
  Seed seed;
  Timestamp created_at{};
  Timestamp payable_until{};  // a payment that arrives later is returned
  Timestamp paid_at{};        // set when the packet becomes active
  Timestamp expires_at{};     // set when the packet becomes active; from then on nothing can be opened
  LedgerId paid_in{};         // set when the packet becomes active: the ledger with the payment
  // For the payment, which keeps it. The packet's row does not have it.
  std::optional<SendKey> send_key{};

  friend bool operator==(const Order&, const Order&) = default;
};

// An exclusive packet is for its sender and recipient alone, one of a group for its sender and the group's members: to
// others it is not there.
inline bool may_see(const Order& order, const Asker& asker) {
  const bool may =
      (order.group.empty() || asker.is_in(order.group)) && (order.recipient.empty() || asker.user == order.recipient);
  return may || asker.user == order.sender;
}

// The part of an order that decides how it is split.
struct SplitTerms {
  Rule rule = Rule::kClassic;
  Money total;
  uint32_t count = 0;
  Seed seed;
};

// Amount of share `seq` (from 1) when `remaining` money and all shares from `seq` on are left.
// REQUIRES: 1 ≤ seq ≤ terms.count.
Money draw_share(const SplitTerms& terms, Money remaining, uint32_t seq);
inline Money draw_share(const Order& order, Money remaining, uint32_t seq) {
  return draw_share(SplitTerms{order.rule, order.total, order.count, order.seed}, remaining, seq);
}

}  // namespace hongbao
