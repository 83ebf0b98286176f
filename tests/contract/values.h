// Short spellings of the values that the contract suites are written in.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "core/packet.h"
#include "core/voucher.h"

namespace hongbao {

inline constexpr ShardId kShard{Region::kSouth, 7};
inline constexpr ShardId kOtherShard{Region::kNorth, 8};
inline constexpr Day kToday{20'779};                                        // 2026-11-22
inline constexpr Timestamp kNoon{20'779LL * 86'400'000 + 4LL * 3'600'000};  // of kToday in UTC+8

// Another owner may take the shard at once.
inline constexpr std::chrono::milliseconds kNoLease{0};

inline UserId user(const std::string& name) {
  return UserId::trusted(name);
}

inline PacketKey key(uint32_t counter, Day day = kToday, ShardId shard = kShard) {
  return {shard, day, LocalNo::of(1, counter)};
}

// A paid packet, every field set.
inline Order order(const PacketKey& packet, int64_t total, uint32_t count) {
  Order order{.key = packet,
              .sender = user("sender"),
              .sender_home = Region::kNorth,
              .recipient = {},
              .group = GroupId::trusted("friends@example.org"),
              .kind = PacketKind::kLucky,
              .rule = Rule::kFair,
              .total = Money(total),
              .count = count,
              .seed = {},
              .created_at = kNoon,
              .payable_until = kNoon + std::chrono::minutes(15),
              .paid_at = kNoon + std::chrono::seconds(3),
              .expires_at = kNoon + std::chrono::hours(24)};
  order.seed.bytes.fill(static_cast<uint8_t>(packet.local.value + 1));
  return order;
}

inline Voucher paid(uint64_t no, const Order& order) {
  return {{no}, order.key, VoucherKind::kPaid, 0, order.sender, order.total, order.paid_at};
}
inline Voucher opened(uint64_t no, const PacketKey& packet, uint32_t seq, const std::string& taker, int64_t amount,
                      Timestamp at = kNoon + std::chrono::minutes(1)) {
  return {{no}, packet, VoucherKind::kOpened, seq, user(taker), Money(amount), at};
}
inline Voucher refunded(uint64_t no, const PacketKey& packet, const std::string& sender, int64_t amount,
                        Timestamp at = kNoon + std::chrono::hours(24)) {
  return {{no}, packet, VoucherKind::kRefunded, 0, user(sender), Money(amount), at};
}

}  // namespace hongbao
