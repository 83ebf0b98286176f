#include "core/voucher_batch.h"

#include <gtest/gtest.h>

namespace hongbao::voucher_batch_test {
namespace {

constexpr ShardId kShard{Region::kSouth, 7};
constexpr Key256 kKey{1, 2, 3};
const VoucherBatchCodec kCodec(kKey);

Voucher voucher(uint64_t no, VoucherKind kind, uint32_t seq, const std::string& user, int64_t amount) {
  return {.no = {no},
          .packet = {kShard, {20'780}, LocalNo::of(3, 99)},
          .kind = kind,
          .seq = seq,
          .user = UserId::trusted(user),
          .amount = Money(amount),
          .at = {1'795'384'267'250}};
}

VoucherBatch batch(std::vector<Voucher> vouchers) {
  return {kShard, Term::of(3, {1'795'384'000'000}), std::move(vouchers)};
}
const VoucherBatch kBatch =
    batch({voucher(8, VoucherKind::kPaid, 0, "sender", 100), voucher(9, VoucherKind::kOpened, 1, "ann", 60),
           voucher(10, VoucherKind::kRefunded, 0, "sender", 40)});

TEST(VoucherBatch, RoundTrips) {
  EXPECT_EQ(kCodec.parse(kShard, kCodec.print(kBatch)), kBatch);
  VoucherBatch north = kBatch;
  north.vouchers[0].paid_in = {Region::kNorth, 3};
  for (Voucher& voucher : north.vouchers) {
    voucher.home = Region::kNorth;
  }
  EXPECT_EQ(kCodec.parse(kShard, kCodec.print(north)), north);
}

TEST(VoucherBatch, NothingIsBelievedWithoutTheKey) {
  Key256 other = kKey;
  other.back() ^= 1;
  EXPECT_EQ(kCodec.parse(kShard, VoucherBatchCodec(other).print(kBatch)), std::nullopt);
}

TEST(VoucherBatch, NoByteCanBeChangedAddedOrLeftOut) {
  const std::string good = kCodec.print(kBatch);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(kCodec.parse(kShard, changed), std::nullopt) << i;
    EXPECT_EQ(kCodec.parse(kShard, good.substr(0, i)), std::nullopt) << i;
  }
  EXPECT_EQ(kCodec.parse(kShard, good + '\0'), std::nullopt);
  EXPECT_EQ(kCodec.parse(kShard, good + good), std::nullopt);
}

TEST(VoucherBatch, IsOfOneShardOfOneRegion) {
  const std::string good = kCodec.print(kBatch);
  EXPECT_EQ(kCodec.parse({Region::kSouth, 8}, good), std::nullopt);
  EXPECT_EQ(kCodec.parse({Region::kNorth, 7}, good), std::nullopt);
}

// Who has the key can lie, but not say what no shard can write.
TEST(VoucherBatch, WhatNoShardCanWriteIsRefusedUnderTheKeyToo) {
  const auto refuses = [](const Voucher& lie) { return !kCodec.parse(kShard, kCodec.print(batch({lie}))); };
  const Voucher good = voucher(9, VoucherKind::kOpened, 1, "ann", 60);
  ASSERT_FALSE(refuses(good));
  const auto lies = [&](auto change) {
    Voucher lie = good;
    change(lie);
    return refuses(lie);
  };
  EXPECT_TRUE(lies([](Voucher& lie) { lie.no = {0}; }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.amount = Money(0); }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.amount = Money(-1); }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.amount = kShareGreatest + Money(1); }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.seq = 0; }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.seq = kSharesPerPacketMax + 1; }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.kind = VoucherKind::kPaid; })) << "a payment is no share";
  EXPECT_TRUE(lies([](Voucher& lie) { lie.kind = static_cast<VoucherKind>(4); }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.user = UserId::trusted("a/b"); }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.user = UserId(); }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.packet.local = {1ULL << LocalNo::kBits}; }));
  EXPECT_TRUE(lies([](Voucher& lie) { lie.at = {-1}; }));
}

TEST(Term, IsAnotherWhenAnEpochIsGivenAgain) {
  EXPECT_NE(Term::of(3, {1'000}), Term::of(3, {1'001}));
  EXPECT_NE(Term::of(3, {1'000}), Term::of(4, {1'000}));
  EXPECT_EQ(Term::of(0xffff'ffff, {1}).epoch(), 0xffff'ffffU);
}

}  // namespace
}  // namespace hongbao::voucher_batch_test
