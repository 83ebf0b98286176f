#include "storage/day_move.h"

#include <gtest/gtest.h>

#include "core/day_test_rows.h"

namespace hongbao::day_test {
namespace {

// A part of a day in memory.
struct Side {
  DayRows all{};

  [[nodiscard]] std::vector<PacketRow> packets(LocalNo from, size_t max) const {
    std::vector<PacketRow> found;
    for (const PacketRow& row : all.packets) {
      if (row.order.key.local >= from && found.size() < max) {
        found.push_back(row);
      }
    }
    return found;
  }
  [[nodiscard]] std::vector<Voucher> vouchers(VoucherNo from, size_t max) const {
    std::vector<Voucher> found;
    for (const Voucher& row : all.vouchers) {
      if (row.no >= from && found.size() < max) {
        found.push_back(row);
      }
    }
    return found;
  }
  void add(const std::vector<PacketRow>& rows) { all.packets.insert(all.packets.end(), rows.begin(), rows.end()); }
  void add(const std::vector<Voucher>& rows) { all.vouchers.insert(all.vouchers.end(), rows.begin(), rows.end()); }
  [[nodiscard]] LocalNo next_local() const {
    return all.packets.empty() ? LocalNo{0} : LocalNo{all.packets.back().order.key.local.value + 1};
  }
  [[nodiscard]] VoucherNo next_no() const {
    return all.vouchers.empty() ? VoucherNo{0} : VoucherNo{all.vouchers.back().no.value + 1};
  }
};

DayTotals digest(const Side& side) {
  return digest_day(side, [] { return true; }).value();
}

TEST(DayMove, ACopyIsInterruptedAndGoesOnUntilBothSidesAgree) {
  const Side hot{full_day(3 * kMoveRowsMax + 5)};
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
}  // namespace hongbao::day_test
