// `violations` of the order store: each broken rule is found, whichever way it got into the store. The contract suite
// commits contradictions through the port; the SQLite suite damages the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/order_store.h"
#include "base/scratch_dir.h"
#include "contract/backends.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<PacketKey> broken(OrderStore& store, size_t max = 100) {
  std::vector<PacketKey> keys;
  const auto all = store.violations(max).value();
  for (const auto& violation : all) {
    EXPECT_FALSE(violation.rule.empty());
    keys.push_back(violation.packet);
  }
  return keys;
}

// A sound packet of each state, and one whose vouchers are the test's.
class OrderViolationsContract : public testing::TestWithParam<BackendMaker<OrderStore>> {
 protected:
  OrderViolationsContract() {
    head_ = store().acquire("test", kNoLease).value();
    const Order active = order(key(1), 100, 3);
    const Order exhausted = order(key(2), 100, 2);
    const Order expired = order(key(3), 100, 3);
    commit({active, exhausted, expired},
           {paid(1, active), paid(2, exhausted), paid(3, expired), opened(4, active.key, 1, "ann", 20),
            opened(5, exhausted.key, 1, "ann", 50), opened(6, exhausted.key, 2, "bob", 50),
            opened(7, expired.key, 1, "ann", 30), refunded(8, expired.key, "sender", 70)},
           {{exhausted.key, PacketState::kExhausted}, {expired.key, PacketState::kExpired}});
  }
  OrderStore& store() { return backend_->store(); }
  void commit(std::vector<Order> activated, std::vector<Voucher> vouchers,
              std::vector<CommitBatch::Finished> finished) {
    const CommitBatch batch{head_.epoch, head_.next_voucher, std::move(activated), std::move(vouchers),
                            std::move(finished)};
    ASSERT_EQ(store().commit(batch), CommitOutcome::kCommitted);
    head_.next_voucher = batch.next();
  }
  // `count` 3, total 100, on another day, so that days are told apart.
  void add(std::vector<Voucher> vouchers, PacketState state = PacketState::kActive) {
    for (size_t i = 0; i < vouchers.size(); ++i) {
      vouchers[i].no = head_.next_voucher + i;
    }
    std::vector<CommitBatch::Finished> finished;
    if (state != PacketState::kActive) {
      finished.push_back({bad_, state});
    }
    commit({order(bad_, 100, 3)}, std::move(vouchers), std::move(finished));
  }
  [[nodiscard]] Voucher pay() const { return paid(0, order(bad_, 100, 3)); }

  std::unique_ptr<OrderBackend> backend_ = GetParam().make();
  ShardHead head_;
  const PacketKey bad_ = key(1, Day{kToday.since_epoch + 1});
};

INSTANTIATE_TEST_SUITE_P(Adapters, OrderViolationsContract, testing::ValuesIn(order_backends()),
                         backend_name<OrderStore>);

TEST_P(OrderViolationsContract, SoundPacketsBreakNoRule) {
  add({pay()});
  EXPECT_THAT(broken(store()), IsEmpty());
}
TEST_P(OrderViolationsContract, APaymentOfAnotherAmountIsFound) {
  Voucher less = pay();
  less.amount = Money(99);
  add({less});
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, AMissingPaymentIsFound) {
  add({opened(0, bad_, 1, "ann", 10)});
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, AnActivePacketThatGaveMoreThanItsTotalIsFound) {
  add({pay(), opened(0, bad_, 1, "ann", 60), opened(0, bad_, 2, "bob", 41)});
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, AFinishedPacketThatKeptMoneyIsFound) {
  add({pay(), opened(0, bad_, 1, "ann", 60), refunded(0, bad_, "sender", 39)}, PacketState::kExpired);
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, AFinishedPacketThatGaveTooMuchIsFound) {
  add({pay(), opened(0, bad_, 1, "ann", 60), refunded(0, bad_, "sender", 41)}, PacketState::kExpired);
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, AGapInTheShareNumbersIsFound) {
  add({pay(), opened(0, bad_, 1, "ann", 10), opened(0, bad_, 3, "bob", 10)});
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, AShareNumberGivenTwiceIsFound) {
  add({pay(), opened(0, bad_, 1, "ann", 10), opened(0, bad_, 1, "bob", 10)});
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, MoreSharesThanOrderedAreFound) {
  add({pay(), opened(0, bad_, 1, "ann", 10), opened(0, bad_, 2, "bob", 10), opened(0, bad_, 3, "cat", 10),
       opened(0, bad_, 4, "dan", 10)});
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, AnExhaustedPacketWithASmallerNumberOfSharesIsFound) {
  add({pay(), opened(0, bad_, 1, "ann", 60), opened(0, bad_, 2, "bob", 40)}, PacketState::kExhausted);
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, AShareBelowTheLeastIsFound) {
  add({pay(), opened(0, bad_, 1, "ann", 0), opened(0, bad_, 2, "bob", 10)});
  EXPECT_THAT(broken(store()), ElementsAre(bad_));
}
TEST_P(OrderViolationsContract, NoMoreThanAskedForAreReported) {
  commit({order(key(7), 100, 3), order(key(8), 100, 3)},
         {opened(9, key(7), 1, "ann", 10), opened(10, key(8), 1, "ann", 10)}, {});
  EXPECT_THAT(broken(store(), 1), SizeIs(1));
  EXPECT_THAT(broken(store(), 2), SizeIs(2));
  EXPECT_THAT(broken(store(), 0), IsEmpty());
}

// More packets than an audit reads at once; those without a payment stand where pieces may begin and end.
TEST_P(OrderViolationsContract, EveryPacketOfALargeDayIsLookedAt) {
  constexpr uint32_t kPackets = 700;
  std::vector<Order> orders;
  std::vector<Voucher> payments;
  std::vector<PacketKey> unpaid;
  for (uint32_t i = 1; i <= kPackets; ++i) {
    orders.push_back(order(key(i, bad_.day), 100, 3));
    if (i % 64 <= 1 || i == kPackets) {
      unpaid.push_back(orders.back().key);
    } else {
      payments.push_back(paid((head_.next_voucher + payments.size()).value, orders.back()));
    }
  }
  commit(orders, payments, {});
  EXPECT_THAT(broken(store()), testing::ElementsAreArray(unpaid));
}

// A SQLite file that somebody else wrote into.
class DamagedOrderFile : public testing::Test {
 protected:
  DamagedOrderFile() {
    store_ = sqlite::OrderStore::open(file_, kShard).value();
    const ShardHead head = store_->acquire("test", kNoLease).value();
    const Order made = order(key(1), 100, 2);
    const CommitBatch batch{head.epoch,
                            head.next_voucher,
                            {made},
                            {paid(1, made), opened(2, made.key, 1, "ann", 50), opened(3, made.key, 2, "bob", 50)},
                            {{made.key, PacketState::kExhausted}}};
    CHECK(store_->commit(batch) == CommitOutcome::kCommitted);
  }
  void damage(const std::string& sql) { sqlite::Database::open_writer(file_).execute(sql); }

  ScratchDir dir_;
  std::string file_ = dir_.file("s007.db");
  std::unique_ptr<sqlite::OrderStore> store_;
};

TEST_F(DamagedOrderFile, AChangedShareIsFound) {
  EXPECT_THAT(broken(*store_), IsEmpty());
  damage("UPDATE voucher_20261122 SET amount = 51 WHERE no = 2");
  EXPECT_THAT(broken(*store_), ElementsAre(key(1)));
}
TEST_F(DamagedOrderFile, AChangedTotalIsFound) {
  damage("UPDATE packet_20261122 SET total = 99");
  EXPECT_THAT(broken(*store_), ElementsAre(key(1)));
}
TEST_F(DamagedOrderFile, ALostVoucherIsFound) {
  damage("DELETE FROM voucher_20261122 WHERE no = 3");
  EXPECT_THAT(broken(*store_), ElementsAre(key(1)));
}
TEST_F(DamagedOrderFile, AChangedCountIsFound) {
  damage("UPDATE packet_20261122 SET count = 3");
  EXPECT_THAT(broken(*store_), ElementsAre(key(1)));
}
TEST_F(DamagedOrderFile, ASumTooLargeForMoneyIsFound) {
  damage("UPDATE voucher_20261122 SET amount = 9223372036854775807");
  EXPECT_THAT(broken(*store_), ElementsAre(key(1)));
}
TEST_F(DamagedOrderFile, VouchersWithoutTheirPacketAreFound) {
  damage("DELETE FROM packet_20261122");
  EXPECT_THAT(broken(*store_), ElementsAre(key(1)));
}
TEST_F(DamagedOrderFile, APacketAndVouchersOfNumbersThatNobodyGaveAreFound) {
  damage("UPDATE packet_20261122 SET local = -1");
  EXPECT_THAT(broken(*store_), testing::Contains(key(1)));
  EXPECT_THAT(broken(*store_), SizeIs(2));
  damage("UPDATE voucher_20261122 SET local = -2");
  EXPECT_THAT(broken(*store_), SizeIs(2));
}

// What is read of it is an error, and never ends the process.
TEST_F(DamagedOrderFile, ALogThatCanNotBeFollowedIsRefused) {
  const auto damages = {"UPDATE voucher_20261122 SET amount = 0 WHERE no = 2",
                        "UPDATE voucher_20261122 SET amount = 9223372036854775807 WHERE no = 2",
                        "UPDATE voucher_20261122 SET amount = 50, kind = 9 WHERE no = 2",
                        "UPDATE voucher_20261122 SET kind = 2, user = '' WHERE no = 2",
                        "UPDATE voucher_20261122 SET user = 'no user' WHERE no = 2",
                        "DELETE FROM voucher_20261122 WHERE no = 2"};
  for (const char* sql : damages) {
    damage(sql);
    const auto log = store_->read_log(VoucherNo{1}, 10);
    ASSERT_FALSE(log) << sql;
    EXPECT_EQ(log.error().code, ErrorCode::kInternal) << sql;
  }
}
TEST_F(DamagedOrderFile, APacketThatCanNotBeReadIsRefused) {
  damage("UPDATE packet_20261122 SET seed = x'00'");
  EXPECT_EQ(store_->load(key(1)).error().code, ErrorCode::kInternal);
  damage("UPDATE packet_20261122 SET seed = zeroblob(32), sender = ''");
  EXPECT_EQ(store_->load(key(1)).error().code, ErrorCode::kInternal);
}
TEST_F(DamagedOrderFile, AHeadThatIsGoneIsRefused) {
  damage("DELETE FROM shard_head");
  EXPECT_EQ(store_->head().error().code, ErrorCode::kInternal);
  EXPECT_EQ(store_->tenure().error().code, ErrorCode::kInternal);
  EXPECT_FALSE(store_->acquire("test", kNoLease));
}
// The batch contradicts what is stored: it took effect or it did not, and the head tells.
TEST_F(DamagedOrderFile, ACommitThatMeetsRowsOfItsOwnKeyIsUnknown) {
  const ShardHead head = store_->acquire("test", kNoLease).value();
  const Order again = order(key(1), 100, 2);
  const CommitBatch batch{head.epoch, head.next_voucher, {again}, {paid(4, again)}, {}};
  EXPECT_EQ(store_->commit(batch), CommitOutcome::kUnknown);
  EXPECT_EQ(store_->head().value().next_voucher, VoucherNo{4});
  const CommitBatch finishes{
      head.epoch, head.next_voucher, {}, {refunded(4, key(9), "sender", 1)}, {{key(9), PacketState::kExpired}}};
  EXPECT_EQ(store_->commit(finishes), CommitOutcome::kUnknown);
  EXPECT_EQ(store_->head().value().next_voucher, VoucherNo{4});
}

}  // namespace
}  // namespace hongbao
