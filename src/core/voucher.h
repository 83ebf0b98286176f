// A voucher: one line of a shard's log, the truth from which ledger, inbox and caches follow. Numbered without gaps in
// each shard. A packet has at most one `paid`, one `refunded`, and one `opened` for each user.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/ids.h"
#include "core/ledgers.h"
#include "core/limits.h"
#include "core/money.h"

namespace hongbao {

enum class VoucherKind : uint8_t { kPaid = 1, kOpened = 2, kRefunded = 3 };

constexpr std::string_view to_text(VoucherKind kind) {
  switch (kind) {
    case VoucherKind::kPaid:
      return "paid";
    case VoucherKind::kOpened:
      return "opened";
    case VoucherKind::kRefunded:
      return "refunded";
  }
  return "?";
}

struct Voucher {
  VoucherNo no;
  PacketKey packet;
  VoucherKind kind = VoucherKind::kPaid;
  uint32_t seq = 0;  // opened: the share's number from 1; otherwise 0
  UserId user;       // paid and refunded: the sender; opened: the taker
  Money amount;      // paid: the total; opened: the share; refunded: what was unclaimed
  Timestamp at;
  Region home = Region::kSouth;  // of the user
  LedgerId paid_in{};            // paid: the ledger with the payment that it stands on; otherwise the first

  friend bool operator==(const Voucher&, const Voucher&) = default;
};

// Whether a shard can have written it, by what it says alone. What comes from a file or a message may be damaged.
inline bool is_sound(const Voucher& voucher) {
  const bool is_share = voucher.kind == VoucherKind::kOpened;
  const bool has_seq = is_share ? voucher.seq >= 1 && voucher.seq <= kSharesPerPacketMax : voucher.seq == 0;
  const Money most = is_share ? kShareGreatest : kShareGreatest * kSharesPerPacketMax;
  return voucher.kind >= VoucherKind::kPaid && voucher.kind <= VoucherKind::kRefunded && voucher.no.value >= 1 &&
         !voucher.user.empty() && has_seq && voucher.amount >= kShareLeast && voucher.amount <= most &&
         voucher.packet.local.value >> LocalNo::kBits == 0 && voucher.at.unix_ms >= 0;
}

}  // namespace hongbao
