#include "core/packet_audit.h"

#include <gtest/gtest.h>

#include <limits>

namespace hongbao {
namespace {

// The rules one by one are in tests/contract/order_violations_test.cc; here is what a damaged file may hold besides.
Order ten_fen_for_two() {
  Order order;
  order.total = Money(10);
  order.count = 2;
  return order;
}

Voucher voucher(VoucherKind kind, int64_t amount, uint32_t seq = 0) {
  Voucher made;
  made.kind = kind;
  made.seq = seq;
  made.amount = Money(amount);
  return made;
}

TEST(PacketAudit, ASoundPacketPasses) {
  EXPECT_EQ(broken_rule(ten_fen_for_two(), PacketState::kExhausted,
                        {voucher(VoucherKind::kPaid, 10), voucher(VoucherKind::kOpened, 4, 1),
                         voucher(VoucherKind::kOpened, 6, 2)}),
            std::nullopt);
}

TEST(PacketAudit, AmountsThatOverflowAreReported) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(broken_rule(ten_fen_for_two(), PacketState::kActive,
                        {voucher(VoucherKind::kPaid, kMost), voucher(VoucherKind::kPaid, kMost),
                         voucher(VoucherKind::kPaid, 12)}),
            "paid = total");
}

TEST(PacketAudit, ANegativeShareThatHidesBehindTheSumIsReported) {
  EXPECT_EQ(broken_rule(ten_fen_for_two(), PacketState::kExhausted,
                        {voucher(VoucherKind::kPaid, 10), voucher(VoucherKind::kOpened, 14, 1),
                         voucher(VoucherKind::kOpened, -4, 2)}),
            "every share is at least the least share");
}

}  // namespace
}  // namespace hongbao
