// Rows of one day, for tests of what is done with a whole day.
#pragma once

#include <vector>

#include "core/stored_day.h"

namespace hongbao::day_test {

inline constexpr ShardId kShard{Region::kSouth, 7};
inline constexpr Day kDay{20'779};

inline PacketRow packet(uint64_t local) {
  PacketRow row{.order = {.key = {kShard, kDay, {local}}, .sender = UserId::trusted("ann"), .total = Money(10)}};
  row.order.count = 2;
  row.state = PacketState::kExhausted;
  return row;
}

inline Voucher voucher(uint64_t no, VoucherKind kind = VoucherKind::kOpened) {
  return {{no}, {kShard, kDay, {no}}, kind, 1, UserId::trusted("bob"), Money(5), {1'000}};
}

// A part of a day.
struct DayRows {
  std::vector<PacketRow> packets{};
  std::vector<Voucher> vouchers{};
};

inline DayRows full_day(uint64_t rows) {
  DayRows day;
  for (uint64_t i = 1; i <= rows; ++i) {
    day.packets.push_back(packet(i));
    day.vouchers.push_back(voucher(i));
  }
  return day;
}

}  // namespace hongbao::day_test
