#include "adapters/mariadb/ledger_rows.h"

#include <gtest/gtest.h>

namespace hongbao::mariadb {
namespace {

TEST(TransferKeys, OfAVoucherAreShortAndLeadBackToItsId) {
  for (const ShardId shard : {ShardId{Region::kSouth, 0}, ShardId{Region::kSouth, 7}, ShardId{Region::kNorth, 999}}) {
    for (const uint64_t no : {uint64_t{1}, uint64_t{255}, uint64_t{999'999'999'999}, uint64_t{1'000'000'000'000}}) {
      const std::string id = voucher_transfer_id(shard, {no});
      const std::string key = transfer_key(id);
      EXPECT_EQ(key.size(), 11U) << id;
      EXPECT_EQ(transfer_id(key), id);
    }
  }
}

TEST(TransferKeys, OfOtherIdsAreTheIds) {
  for (const std::string id : {"d1", "pay:s007-261122-01000003k-4qz8mn2r", "voucher:", "voucher:s007", "voucher:s007:",
                               "voucher:s007:1", "voucher:s007:000000000001x", "voucher:s007-000000000001",
                               "voucher:x007:000000000001", "voucher:s007:0000000000001"}) {
    EXPECT_EQ(transfer_key(id), id);
    EXPECT_EQ(transfer_id(id), id);
  }
}

TEST(TransferKeys, OfAShardAreInTheOrderOfItsVouchers) {
  const auto key = [](uint64_t no) { return transfer_key(voucher_transfer_id({Region::kSouth, 7}, {no})); };
  EXPECT_LT(key(255), key(256));
  EXPECT_LT(key(65'535), key(65'536));
}

}  // namespace
}  // namespace hongbao::mariadb
