#include "core/stored_day.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "core/day_test_rows.h"

namespace hongbao::day_test {
namespace {

DayTotals digest(const DayRows& part) {
  DayDigest digest;
  for (const PacketRow& row : part.packets) {
    digest.add(row);
  }
  for (const Voucher& row : part.vouchers) {
    digest.add(row);
  }
  return digest.finish();
}

TEST(DayPart, OnlyALaterPartIsNamedByItsNumber) {
  EXPECT_EQ(to_text(DayPart{kDay}), "20261122");
  EXPECT_EQ(to_text(DayPart{kDay, 2}), "20261122_2");
}

TEST(DayDigest, TellsCountsSumsAndTheRangeOfTheLog) {
  DayRows part = full_day(2);
  part.vouchers.push_back(voucher(9, VoucherKind::kRefunded));
  const DayTotals totals = digest(part);
  EXPECT_EQ(totals.packets, 2U);
  EXPECT_EQ(totals.packets_total, Money(20));
  EXPECT_EQ(totals.vouchers, 3U);
  EXPECT_EQ(totals.sums, (VoucherSums{.paid = {}, .opened = Money(10), .refunded = Money(5)}));
  EXPECT_EQ(totals.least, VoucherNo{1});
  EXPECT_EQ(totals.greatest, VoucherNo{9});
}

// One change a case; counts and sums stay as they are wherever they can.
TEST(DayDigest, EveryFieldOfARowChangesTheChecksum) {
  const DayRows part = full_day(3);
  const std::vector<std::function<void(PacketRow&)>> packet_changes{
      [](PacketRow& row) { row.order.sender = UserId::trusted("eve"); },
      [](PacketRow& row) { row.order.recipient = UserId::trusted("eve"); },
      [](PacketRow& row) { row.order.group = GroupId::trusted("eve"); },
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
    DayRows changed = part;
    packet_changes[i](changed.packets.back());
    EXPECT_NE(digest(changed).checksum, digest(part).checksum) << "packet, change " << i;
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
    DayRows changed = part;
    voucher_changes[i](changed.vouchers.back());
    EXPECT_NE(digest(changed).checksum, digest(part).checksum) << "voucher, change " << i;
  }
}

}  // namespace
}  // namespace hongbao::day_test
