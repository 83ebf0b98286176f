// What the network and other transactions may do to a shard's writer in MariaDB: whatever it is, the head tells
// afterwards whether the commit took effect, and a repeated one takes effect once.
#include <thread>

#include "adapters/mariadb/order_totals.h"
#include "contract/cutting_proxy.h"
#include "contract/mariadb_orders.h"

namespace hongbao {
namespace {

using mariadb::Database;
using std::chrono::milliseconds;
using testing::HasSubstr;

TEST_F(MariadbOrders, ARefusalNamesTheOwner) {
  const auto store = open();
  ASSERT_TRUE(store->acquire("node-a", kLeaseForever).has_value());
  const auto refused = store->acquire("node-b", kLeaseForever);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kFenced);
  EXPECT_EQ(refused.error().detail, "the shard belongs to node-a");
}

TEST_F(MariadbOrders, TheTotalsOfADayAreTheSameInPiecesOfAnySize) {
  const auto store = open();
  ShardHead head = acquire(*store);
  for (uint32_t i = 0; i < 3; ++i) {  // locals with gaps, and vouchers between those of another day
    CommitBatch batch{head.epoch, head.next_voucher, {}, {}, {}};
    for (const Day day : {kToday, Day{kToday.since_epoch + 1}}) {
      batch.activated.push_back(order(key(10 * i, day), 100, 10));
      batch.vouchers.push_back(paid(batch.next().value, batch.activated.back()));
      batch.vouchers.push_back(opened(batch.next().value, key(10 * i, day), 1, "ann", 1 + i));
    }
    ASSERT_EQ(store->commit(batch), CommitOutcome::kCommitted);
    head.next_voucher = batch.next();
  }
  for (const uint64_t rows_max : {1, 2, 3, 4, 6, 100}) {
    Database reader = Database::open(test_mariadb(), databases_.hot().name, Database::Mode::kRead);
    const mariadb::Snapshot snapshot(reader);
    OrderTotals totals;
    add_part(reader, hot_tables({kToday}), {5}, totals, rows_max);
    EXPECT_EQ(totals.packets, 3U) << rows_max;
    EXPECT_EQ(totals.packets_active, 3U);
    EXPECT_EQ(totals.packets_total, Money(300));
    EXPECT_EQ(totals.all.paid, Money(300)) << rows_max;
    EXPECT_EQ(totals.all.opened, Money(6));
    EXPECT_EQ(totals.unsettled.paid, Money(200)) << rows_max;
    EXPECT_EQ(totals.unsettled.opened, Money(5));
  }
}

class MariadbOrderCuts : public MariadbOrders, public testing::WithParamInterface<CuttingProxy::Cut> {
 protected:
  [[nodiscard]] static bool landed() { return GetParam() != CuttingProxy::Cut::kBeforeCommit; }

  CuttingProxy proxy_{test_mariadb()};
};

INSTANTIATE_TEST_SUITE_P(Cuts, MariadbOrderCuts,
                         testing::Values(CuttingProxy::Cut::kBeforeCommit, CuttingProxy::Cut::kAfterCommit,
                                         CuttingProxy::Cut::kLateCommit),
                         cut_name);

TEST_P(MariadbOrderCuts, TheOwnerLearnsFromTheHead) {
  const auto store = open(proxy_.server());
  const CommitBatch batch = some_opens(start(*store));
  proxy_.cut_next_commit(GetParam());
  ASSERT_EQ(store->commit(batch), CommitOutcome::kUnknown);
  const ShardHead head = acquire(*store);
  EXPECT_EQ(head, (ShardHead{batch.epoch + 1, landed() ? batch.next() : batch.expected_next}));
  const CommitBatch next = some_opens(head);
  EXPECT_EQ(store->commit(next), CommitOutcome::kCommitted);
  expect_whole_log(*store, next.next());
}

TEST_P(MariadbOrderCuts, ASuccessorSeesWhatLandedAndNothingLandsBehindIt) {
  const auto store = open(proxy_.server());
  const auto other = open();
  const CommitBatch batch = some_opens(start(*store));
  proxy_.cut_next_commit(GetParam());
  ASSERT_EQ(store->commit(batch), CommitOutcome::kUnknown);
  const ShardHead head = acquire(*other, "successor");
  EXPECT_EQ(head, (ShardHead{batch.epoch + 1, landed() ? batch.next() : batch.expected_next}));
  EXPECT_EQ(store->commit(batch), CommitOutcome::kFenced) << "again, with the old epoch";
  std::this_thread::sleep_for(CuttingProxy::kLate);
  EXPECT_EQ(other->head().value(), head);
  const CommitBatch next = some_opens(head);
  EXPECT_EQ(other->commit(next), CommitOutcome::kCommitted);
  expect_whole_log(*other, next.next());
}

TEST_P(MariadbOrderCuts, AnAcquisitionThatWasCutMayBeRepeated) {
  const auto store = open(proxy_.server());
  const ShardHead head = start(*store);
  proxy_.cut_next_commit(GetParam());
  EXPECT_EQ(store->acquire("owner", kNoLease).error().code, ErrorCode::kStorage);
  const ShardHead again = acquire(*store);
  EXPECT_EQ(again, (ShardHead{head.epoch + (landed() ? 2 : 1), head.next_voucher}));
  EXPECT_EQ(store->commit(some_opens(again)), CommitOutcome::kCommitted);
}

TEST_F(MariadbOrders, AReadOnlyServerTakesNothingAndIsReadable) {
  const auto store = open();
  const ShardHead head = start(*store);
  mariadb_as_root("SET GLOBAL read_only = 1");
  const CommitOutcome outcome = store->commit(some_opens(head));
  const auto acquired = store->acquire("owner", kNoLease);
  const auto loaded = store->load(key(0));
  mariadb_as_root("SET GLOBAL read_only = 0");
  EXPECT_EQ(outcome, CommitOutcome::kUnknown);
  ASSERT_FALSE(acquired.has_value());
  EXPECT_EQ(acquired.error().code, ErrorCode::kStorage);
  EXPECT_THAT(acquired.error().detail, HasSubstr("read-only"));
  EXPECT_TRUE(loaded.value().has_value());
  const ShardHead again = acquire(*store);
  EXPECT_EQ(again.next_voucher, head.next_voucher);
  EXPECT_EQ(store->commit(some_opens(again)), CommitOutcome::kCommitted);
}

TEST_F(MariadbOrders, ALockThatDoesNotComeIsAnErrorToBothWhoWait) {
  const auto store = open(patient());
  const auto other = open(patient());
  const ShardHead head = start(*store);
  Database holder = stranger();
  holder.execute("UPDATE shard_head SET owner = owner");
  Result<ShardHead> acquired;
  {
    const std::jthread successor([&] { acquired = other->acquire("successor", kNoLease); });
    EXPECT_EQ(store->commit(some_opens(head)), CommitOutcome::kUnknown);
  }
  ASSERT_FALSE(acquired.has_value());
  EXPECT_EQ(acquired.error().code, ErrorCode::kStorage);
  EXPECT_THAT(acquired.error().detail, HasSubstr("Lock wait timeout"));
  holder.rollback();
  EXPECT_EQ(acquire(*store), (ShardHead{head.epoch + 1, head.next_voucher}));
}

TEST_F(MariadbOrders, AnOwnerThatStoppedInATransactionHoldsUpItsSuccessorForALittleWhile) {
  const auto store = open(patient());
  const ShardHead head = start(*store);
  Database stopped = Database::open(patient(), databases_.hot().name, Database::Mode::kWrite);
  stopped.execute("UPDATE shard_head SET next_voucher = next_voucher + 1");
  const auto taken = store->acquire("successor", kNoLease);
  ASSERT_TRUE(taken.has_value()) << taken.error().detail;
  EXPECT_EQ(*taken, (ShardHead{head.epoch + 1, head.next_voucher}));
  EXPECT_THROW(stopped.commit(), mariadb::MariadbError);
}

TEST_F(MariadbOrders, ACommitThatADeadlockEndsTookNoEffect) {
  const auto store = open(patient());
  const ShardHead head = start(*store);
  Database other = stranger();
  other.execute("CREATE TABLE weight(no BIGINT PRIMARY KEY)");
  other.execute("INSERT INTO weight SELECT seq FROM seq_1_to_1000");  // the server ends the lighter transaction
  other.execute("UPDATE packet_20261122 SET state = state");
  CommitBatch batch = some_opens(head, 1);
  batch.vouchers[0] = refunded(batch.expected_next.value, key(0), "sender", kManyShares);
  batch.finished = {{key(0), PacketState::kExpired}};
  CommitOutcome outcome = CommitOutcome::kCommitted;
  {
    const std::jthread writer([&] { outcome = store->commit(batch); });
    std::this_thread::sleep_for(milliseconds(500));  // the writer has the head, and waits for the packet
    other.execute("UPDATE shard_head SET owner = owner");
  }
  EXPECT_EQ(outcome, CommitOutcome::kUnknown);
  other.rollback();
  batch.epoch = acquire(*store).epoch;
  EXPECT_EQ(store->head().value().next_voucher, batch.expected_next);
  EXPECT_EQ(store->load(key(0)).value()->refunded, std::nullopt);
  EXPECT_EQ(store->commit(batch), CommitOutcome::kCommitted);
  EXPECT_EQ(store->load(key(0)).value()->state, PacketState::kExpired);
}

}  // namespace
}  // namespace hongbao
