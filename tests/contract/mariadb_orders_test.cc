// What MariaDB and the network may do to a shard's writer: whatever it is, the head tells afterwards whether the commit
// took effect, and a repeated one takes effect once.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "adapters/mariadb/membership.h"
#include "adapters/mariadb/order_store.h"
#include "adapters/mariadb/order_totals.h"
#include "contract/cutting_proxy.h"
#include "contract/engines.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using mariadb::Database;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::SizeIs;

constexpr uint32_t kManyShares = 1'000'000;
constexpr size_t kBatchVouchers = 16;

class MariadbOrders : public testing::Test {
 protected:
  std::unique_ptr<OrderStore> open(const MariadbServer& server = test_mariadb()) {
    return MariadbOrderStore::open(server, database_.name(), kShard).value();
  }
  // Waits for locks as long as a server of the product does.
  static MariadbServer patient() {
    MariadbServer server = test_mariadb();
    server.answer_timeout = seconds(10);
    return server;
  }
  // A transaction of somebody else, which may stand idle for as long as it likes.
  Database stranger() {
    Database database = Database::open(patient(), database_.name().name, Database::Mode::kWrite);
    database.execute("SET SESSION idle_transaction_timeout = 0");
    return database;
  }
  // A server that comes back is there after a while.
  static ShardHead acquire(OrderStore& store, std::string_view owner = "owner") {
    constexpr int tries_max = 100;
    for (int tries = 1;; ++tries) {
      const auto head = store.acquire(owner, kNoLease);
      if (head || tries == tries_max) {
        return head.value();
      }
      std::this_thread::sleep_for(milliseconds(50));
    }
  }
  // The first commit of a shard: one packet with many shares.
  static CommitBatch activation(const ShardHead& head) {
    const Order made = order(key(0), kManyShares, kManyShares);
    return {head.epoch, head.next_voucher, {made}, {paid(head.next_voucher.value, made)}, {}};
  }
  // Every share of the packet is one fen, and its number follows from the voucher's.
  static CommitBatch some_opens(const ShardHead& head, size_t count = kBatchVouchers) {
    CommitBatch batch{head.epoch, head.next_voucher, {}, {}, {}};
    for (size_t i = 0; i < count; ++i) {
      const uint64_t no = batch.next().value;
      batch.vouchers.push_back(opened(no, key(0), static_cast<uint32_t>(no - 1), fmt::format("u{}", no), 1));
    }
    return batch;
  }
  static ShardHead start(OrderStore& store) {
    ShardHead head = acquire(store);
    const CommitBatch batch = activation(head);
    EXPECT_EQ(store.commit(batch), CommitOutcome::kCommitted);
    return {head.epoch, batch.next()};
  }
  // Everything below `next` is there once, and nothing else.
  static void expect_whole_log(OrderStore& store, VoucherNo next) {
    const auto log = store.read_log({1}, next.value + 100).value();
    EXPECT_THAT(log, SizeIs(next.value - 1));
    EXPECT_THAT(store.load(key(0)).value()->opened, SizeIs(next.value - 2));
    EXPECT_THAT(store.violations(10).value(), SizeIs(0));
  }

  ScratchDatabase database_{orders_database(kShard, scratch_prefix())};
};

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
    Database reader = Database::open(test_mariadb(), database_.name().name, Database::Mode::kRead);
    const mariadb::Snapshot snapshot(reader);
    OrderTotals totals;
    add_day(reader, kToday, {5}, totals, rows_max);
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

std::string cut_name(const testing::TestParamInfo<CuttingProxy::Cut>& cut) {
  switch (cut.param) {
    case CuttingProxy::Cut::kBeforeCommit:
      return "before";
    case CuttingProxy::Cut::kAfterCommit:
      return "after";
    default:
      return "late";
  }
}

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

class MariadbOrderTroubles : public MariadbOrders, public testing::WithParamInterface<const char*> {};

std::string trouble_name(const testing::TestParamInfo<const char*>& trouble) {
  return trouble.param;
}

INSTANTIATE_TEST_SUITE_P(Troubles, MariadbOrderTroubles, testing::Values("kill", "freeze"), trouble_name);

// The server suffers at some moment of a stream of commits, most of which is spent in COMMIT.
TEST_P(MariadbOrderTroubles, TheHeadTellsAfterwardsWhatTookEffect) {
  constexpr int rounds = 4;
  MariadbServer server = test_mariadb();
  server.answer_timeout = server.connect_timeout = seconds(1);
  const auto store = open(server);
  ShardHead head = start(*store);
  std::mt19937 dice(std::random_device{}());
  for (int round = 0; round < rounds; ++round) {
    std::jthread trouble([&] {
      std::this_thread::sleep_for(milliseconds(std::uniform_int_distribution(20, 120)(dice)));
      engine(GetParam(), "mariadb");
    });
    CommitBatch batch = some_opens(head);
    auto from = steady_clock::now();
    while (store->commit(batch) == CommitOutcome::kCommitted) {
      batch = some_opens({head.epoch, batch.next()});
      from = steady_clock::now();
    }
    EXPECT_LT(steady_clock::now() - from, seconds(4)) << "nobody waits for ever";
    trouble.join();
    EXPECT_FALSE(store->head().has_value()) << "a server that does not serve is an error to readers as well";
    engine(GetParam() == std::string("kill") ? "start" : "thaw", "mariadb");
    head = acquire(*store);
    EXPECT_TRUE(head.next_voucher == batch.expected_next || head.next_voucher == batch.next());
    EXPECT_GT(head.epoch, batch.epoch);
    expect_whole_log(*store, head.next_voucher);
  }
}

TEST_F(MariadbOrders, ReadersAndMembersOutliveARestartOfTheServer) {
  const ScratchDatabase members(members_database(scratch_prefix()));
  const auto membership = MariadbMembership::open(test_mariadb(), members.name()).value();
  const auto store = open();
  const ShardHead head = start(*store);
  ASSERT_TRUE(membership->beat({"ann", "127.0.0.1:1"}, 1, seconds(60)).has_value());
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(store->head().value(), head);  // every reader is connected
  }
  engine("restart", "mariadb");
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(store->head().value(), head) << "a broken connection is no error to the reader";
  }
  (void)membership->members();  // may meet the broken connection
  EXPECT_THAT(membership->members().value(), SizeIs(1));
}

// A node that waited longer would miss its beats at servers that are well.
TEST_F(MariadbOrders, ABeatGivesAFrozenServerUpInASecondOrTwo) {
  const ScratchDatabase members(members_database(scratch_prefix()));
  const auto membership = MariadbMembership::open(patient(), members.name()).value();
  ASSERT_TRUE(membership->beat({"ann", "127.0.0.1:1"}, 1, seconds(60)).has_value());
  engine("freeze", "mariadb");
  for (int i = 0; i < 2; ++i) {  // on the connection it has, and making one
    const auto from = steady_clock::now();
    EXPECT_FALSE(membership->beat({"ann", "127.0.0.1:1"}, 1, seconds(60)).has_value());
    EXPECT_LT(steady_clock::now() - from, seconds(2)) << i;
  }
  engine("thaw", "mariadb");
  EXPECT_TRUE(membership->beat({"ann", "127.0.0.1:1"}, 1, seconds(60)).has_value());
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
  Database stopped = Database::open(patient(), database_.name().name, Database::Mode::kWrite);
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
