#include "core/stored_day.h"

#include <gtest/gtest.h>

#include "core/day_move.h"

namespace hongbao {
namespace {

constexpr ShardId kShard{Region::kSouth, 7};
constexpr Day kDay{20'779};

PacketRow packet(uint64_t local) {
  PacketRow row{.order = {.key = {kShard, kDay, {local}}, .sender = UserId::trusted("ann"), .total = Money(10)}};
  row.order.count = 2;
  row.state = PacketState::kExhausted;
  return row;
}

Voucher voucher(uint64_t no, VoucherKind kind = VoucherKind::kOpened) {
  return {{no}, {kShard, kDay, {no}}, kind, 1, UserId::trusted("bob"), Money(5), {1'000}};
}

// A part of a day in memory.
struct Side {
  std::vector<PacketRow> all_packets{};
  std::vector<Voucher> all_vouchers{};

  [[nodiscard]] std::vector<PacketRow> packets(LocalNo from, size_t max) const {
    std::vector<PacketRow> found;
    for (const PacketRow& row : all_packets) {
      if (row.order.key.local >= from && found.size() < max) {
        found.push_back(row);
      }
    }
    return found;
  }
  [[nodiscard]] std::vector<Voucher> vouchers(VoucherNo from, size_t max) const {
    std::vector<Voucher> found;
    for (const Voucher& row : all_vouchers) {
      if (row.no >= from && found.size() < max) {
        found.push_back(row);
      }
    }
    return found;
  }
  void add(const std::vector<PacketRow>& rows) { all_packets.insert(all_packets.end(), rows.begin(), rows.end()); }
  void add(const std::vector<Voucher>& rows) { all_vouchers.insert(all_vouchers.end(), rows.begin(), rows.end()); }
  [[nodiscard]] LocalNo next_local() const {
    return all_packets.empty() ? LocalNo{0} : LocalNo{all_packets.back().order.key.local.value + 1};
  }
  [[nodiscard]] VoucherNo next_no() const {
    return all_vouchers.empty() ? VoucherNo{0} : VoucherNo{all_vouchers.back().no.value + 1};
  }
};

Side full_day(uint64_t rows) {
  Side side;
  for (uint64_t i = 1; i <= rows; ++i) {
    side.all_packets.push_back(packet(i));
    side.all_vouchers.push_back(voucher(i));
  }
  return side;
}

DayTotals digest(const Side& side) {
  return digest_day(side, [] { return true; }).value();
}

TEST(DayPart, OnlyALaterPartIsNamedByItsNumber) {
  EXPECT_EQ(to_text(DayPart{kDay}), "20261122");
  EXPECT_EQ(to_text(DayPart{kDay, 2}), "20261122_2");
}

TEST(DayDigest, TellsCountsSumsAndTheRangeOfTheLog) {
  Side side = full_day(2);
  side.all_vouchers.push_back(voucher(9, VoucherKind::kRefunded));
  const DayTotals totals = digest(side);
  EXPECT_EQ(totals.packets, 2U);
  EXPECT_EQ(totals.packets_total, Money(20));
  EXPECT_EQ(totals.vouchers, 3U);
  EXPECT_EQ(totals.sums, (VoucherSums{.paid = {}, .opened = Money(10), .refunded = Money(5)}));
  EXPECT_EQ(totals.least, VoucherNo{1});
  EXPECT_EQ(totals.greatest, VoucherNo{9});
}

// One change a case; counts and sums stay as they are wherever they can.
TEST(DayDigest, EveryFieldOfARowChangesTheChecksum) {
  const Side side = full_day(3);
  const std::vector<std::function<void(PacketRow&)>> packet_changes{
      [](PacketRow& row) { row.order.sender = UserId::trusted("eve"); },
      [](PacketRow& row) { row.order.recipient = UserId::trusted("eve"); },
      [](PacketRow& row) { row.order.kind = PacketKind::kEqual; },
      [](PacketRow& row) { row.order.rule = Rule::kFair; },
      [](PacketRow& row) { row.order.total = Money(11); },
      [](PacketRow& row) { row.order.count = 3; },
      [](PacketRow& row) { row.order.seed.bytes[31] = 1; },
      [](PacketRow& row) { row.order.created_at = {1}; },
      [](PacketRow& row) { row.order.payable_until = {1}; },
      [](PacketRow& row) { row.order.paid_at = {1}; },
      [](PacketRow& row) { row.order.expires_at = {1}; },
      [](PacketRow& row) { row.state = PacketState::kExpired; },
      [](PacketRow& row) { row.order.key.local = {1'000}; }};
  for (size_t i = 0; i < packet_changes.size(); ++i) {
    Side changed = side;
    packet_changes[i](changed.all_packets.back());
    EXPECT_NE(digest(changed).checksum, digest(side).checksum) << "packet, change " << i;
  }
  const std::vector<std::function<void(Voucher&)>> voucher_changes{
      [](Voucher& row) { row.no = {1'000}; },
      [](Voucher& row) { row.packet.local = {1'000}; },
      [](Voucher& row) { row.kind = VoucherKind::kPaid; },
      [](Voucher& row) { row.seq = 2; },
      [](Voucher& row) { row.user = UserId::trusted("eve"); },
      [](Voucher& row) { row.amount = Money(6); },
      [](Voucher& row) { row.at = {1'001}; }};
  for (size_t i = 0; i < voucher_changes.size(); ++i) {
    Side changed = side;
    voucher_changes[i](changed.all_vouchers.back());
    EXPECT_NE(digest(changed).checksum, digest(side).checksum) << "voucher, change " << i;
  }
}

TEST(DayMove, ACopyIsInterruptedAndGoesOnUntilBothSidesAgree) {
  const Side hot = full_day(3 * kMoveRowsMax + 5);
  Side cold;
  int runs = 1;
  int pieces = 0;
  const GoOn two_pieces = [&] { return ++pieces % 2 != 0; };
  while (!copy_day(hot, cold, two_pieces)) {
    ++runs;
  }
  EXPECT_GT(runs, 2);
  EXPECT_EQ(digest(cold), digest(hot));
}

TEST(DayMove, ADayWithoutRowsAgreesWithItsCopy) {
  const Side hot;
  Side cold;
  EXPECT_TRUE(copy_day(hot, cold, [] { return true; }));
  EXPECT_EQ(digest(cold), digest(hot));
}

}  // namespace
}  // namespace hongbao
