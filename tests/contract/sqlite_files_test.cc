// What the SQLite stores promise about their files: identity, version, and the way out of a commit that fails.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/inbox_store.h"
#include "adapters/sqlite/ledger_store.h"
#include "adapters/sqlite/order_store.h"
#include "base/scratch_dir.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class SqliteFiles : public testing::Test {
 protected:
  ScratchDir dir_;
  std::string file_ = dir_.file("store.db");
};

TEST_F(SqliteFiles, AnotherShardsFileIsRefused) {
  ASSERT_TRUE(sqlite::OrderStore::open(file_, kShard).has_value());
  const auto opened = sqlite::OrderStore::open(file_, kOtherShard);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kStorage);
  EXPECT_THAT(opened.error().detail, HasSubstr("shard s007, not of n008"));
  EXPECT_TRUE(sqlite::OrderStore::open(file_, kShard).has_value());
}

TEST_F(SqliteFiles, AnotherSchemaVersionIsRefused) {
  ASSERT_TRUE(sqlite::OrderStore::open(file_, kShard).has_value());
  sqlite::Database::open_writer(file_).execute("PRAGMA user_version = 99");
  const auto opened = sqlite::OrderStore::open(file_, kShard);
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().detail, HasSubstr("schema version 99"));
}

TEST_F(SqliteFiles, AnotherStoresFileIsRefused) {
  ASSERT_TRUE(sqlite::LedgerStore::open(file_).has_value());
  EXPECT_FALSE(sqlite::InboxStore::open(file_).has_value());
  EXPECT_FALSE(sqlite::OrderStore::open(file_, kShard).has_value());
  EXPECT_TRUE(sqlite::LedgerStore::open(file_).has_value());
}

TEST_F(SqliteFiles, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(file_) << std::string(5000, 'x');
  EXPECT_FALSE(sqlite::LedgerStore::open(file_).has_value());
  EXPECT_FALSE(sqlite::LedgerStore::open(dir_.file("no/such/directory.db")).has_value());
}

// Two stores on one file, as when a paused process wakes up after another one took its shard.
TEST_F(SqliteFiles, AStoreThatLostItsShardIsFencedAndReadsOnWhatTheOtherWrites) {
  const auto first = sqlite::OrderStore::open(file_, kShard).value();
  const auto second = sqlite::OrderStore::open(file_, kShard).value();
  const ShardHead old_head = first->acquire("first", kNoLease).value();
  const ShardHead new_head = second->acquire("second", kNoLease).value();
  const Order mine = order(key(1), 100, 1);
  EXPECT_EQ(first->commit({old_head.epoch, old_head.next_voucher, {mine}, {paid(1, mine)}, {}}),
            CommitOutcome::kFenced);
  const Order theirs = order(key(2, Day{kToday.since_epoch + 3}), 100, 1);
  ASSERT_EQ(second->commit({new_head.epoch, new_head.next_voucher, {theirs}, {paid(1, theirs)}, {}}),
            CommitOutcome::kCommitted);
  EXPECT_THAT(first->read_log({1}, 10).value(), SizeIs(1));
  EXPECT_TRUE(first->load(theirs.key).value().has_value());
  EXPECT_EQ(first->load(mine.key).value(), std::nullopt);
}

// An operator's shell that holds the write lock: the commit's outcome is unknown, and the head resolves it.
TEST_F(SqliteFiles, ACommitThatCouldNotBeMadeIsUnknownAndCanBeMadeAfterAcquiringAgain) {
  const auto store = sqlite::OrderStore::open(file_, kShard).value();
  const ShardHead head = store->acquire("test", kNoLease).value();
  const Order made = order(key(1), 100, 1);
  CommitBatch batch{head.epoch, head.next_voucher, {made}, {paid(1, made)}, {}};
  {
    sqlite::Database shell = sqlite::Database::open_writer(file_);
    const sqlite::Transaction held(shell, sqlite::Transaction::Kind::kWrite);
    EXPECT_EQ(store->commit(batch), CommitOutcome::kUnknown);
    EXPECT_TRUE(store->head().has_value());  // readers are not held up
  }
  const ShardHead again = store->acquire("test", kNoLease).value();
  ASSERT_EQ(again.next_voucher, batch.expected_next);  // it did not land
  EXPECT_EQ(store->commit(batch), CommitOutcome::kFenced);
  batch.epoch = again.epoch;
  EXPECT_EQ(store->commit(batch), CommitOutcome::kCommitted);
  EXPECT_THAT(store->read_log({1}, 10).value(), SizeIs(1));
}

// Before version 4 seeds lay in clear, and would be read as if they were sealed; before version 5 packets had no group.
TEST_F(SqliteFiles, OrdersOfAnOlderVersionAreRefusedUnlessThereAreNone) {
  const Order made = order(key(1), 100, 1);
  {
    const auto store = sqlite::OrderStore::open(file_, kShard).value();
    const ShardHead head = store->acquire("test", kNoLease).value();
    ASSERT_EQ(store->commit({head.epoch, head.next_voucher, {made}, {paid(1, made)}, {}}), CommitOutcome::kCommitted);
  }
  sqlite::Database::open_writer(file_).execute("PRAGMA user_version = 4");
  const auto without_groups = sqlite::OrderStore::open(file_, kShard);
  ASSERT_FALSE(without_groups);
  EXPECT_THAT(without_groups.error().detail, HasSubstr("its packets are of an older release: begin with new data"));
  sqlite::Database::open_writer(file_).execute(
      "DROP TABLE stored_day; ALTER TABLE shard_head DROP COLUMN incarnation; PRAGMA user_version = 1");
  const auto refused = sqlite::OrderStore::open(file_, kShard);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("its packets are of an older release: begin with new data"));
  std::filesystem::remove(file_);
  (void)sqlite::OrderStore::open(file_, kShard).value();
  sqlite::Database::open_writer(file_).execute("PRAGMA user_version = 3");
  EXPECT_TRUE(sqlite::OrderStore::open(file_, kShard));
}

// Version 1 listed what users sent and received as it came.
TEST_F(SqliteFiles, AnInboxOfVersion1IsOrderedByTime) {
  (void)sqlite::InboxStore::open(file_).value();
  const auto unix_ms = [](int after_s) { return (kNoon + std::chrono::seconds(after_s)).unix_ms; };
  sqlite::Database::open_writer(file_).execute(fmt::format(R"(
DROP TABLE sent; DROP TABLE received;
CREATE TABLE sent(
  position INTEGER PRIMARY KEY, user TEXT NOT NULL, shard TEXT NOT NULL, day INTEGER NOT NULL, local INTEGER NOT NULL,
  total INTEGER NOT NULL, refunded INTEGER NOT NULL, paid_at INTEGER NOT NULL, UNIQUE (shard, day, local)) STRICT;
CREATE INDEX sent_by_user ON sent(user);
CREATE TABLE received(
  position INTEGER PRIMARY KEY, user TEXT NOT NULL, shard TEXT NOT NULL, day INTEGER NOT NULL, local INTEGER NOT NULL,
  seq INTEGER NOT NULL, amount INTEGER NOT NULL, opened_at INTEGER NOT NULL, voucher INTEGER NOT NULL) STRICT;
CREATE INDEX received_by_user ON received(user);
INSERT INTO sent(user, shard, day, local, total, refunded, paid_at) VALUES
  ('ann', 's007', {0}, 1, 100, 70, {2}), ('ann', 'n008', {0}, 1, 200, 0, {1});
INSERT INTO received(user, shard, day, local, seq, amount, opened_at, voucher) VALUES
  ('ann', 's007', {0}, 1, 1, 10, {2}, 2), ('ann', 'n008', {0}, 1, 3, 20, {1}, 5);
PRAGMA user_version = 1)",
                                                           kToday.since_epoch, unix_ms(1), unix_ms(2)));
  const auto store = sqlite::InboxStore::open(file_).value();
  const auto sent = store->sent(user("ann"), kListTop, 10).value();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].total, Money(100));
  EXPECT_EQ(sent[0].refunded, Money(70));
  EXPECT_EQ(sent[1].packet.shard, kOtherShard);
  const auto received = store->received(user("ann"), kListTop, 10).value();
  ASSERT_THAT(received, SizeIs(2));
  EXPECT_EQ(received[0].amount, Money(10));
  EXPECT_EQ(received[1].packet.shard, kOtherShard);
  EXPECT_EQ(received[1].voucher, VoucherNo{5});
  EXPECT_EQ(received[1].seq, 3U);
}

TEST_F(SqliteFiles, AColdDayIsOnePlainFileAndMissedWhenItIsGone) {
  const auto store = sqlite::OrderStore::open(file_, kShard).value();
  const ShardHead head = store->acquire("test", kNoLease).value();
  const Order made = order(key(1), 100, 1);
  ASSERT_EQ(store->commit({head.epoch,
                           head.next_voucher,
                           {made},
                           {paid(1, made), opened(2, made.key, 1, "ann", 100)},
                           {{made.key, PacketState::kExhausted}}}),
            CommitOutcome::kCommitted);
  ASSERT_TRUE(store->archive(head.epoch, kToday, [] { return true; }).value());
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.file("cold"))) {
    files.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(files, testing::ElementsAre("s007-20261122.db"));
  std::filesystem::remove(dir_.file("cold/s007-20261122.db"));
  // Not "there is no such packet", which would let it be paid once more.
  EXPECT_EQ(sqlite::OrderStore::open(file_, kShard).value()->load(made.key).error().code, ErrorCode::kStorage);
}

// A copy that was left half-done, and then damaged: found by its checksum, and made anew.
TEST_F(SqliteFiles, ACopyThatDiffersIsThrownAway) {
  const auto store = sqlite::OrderStore::open(file_, kShard).value();
  const ShardHead head = store->acquire("test", kNoLease).value();
  CommitBatch batch{head.epoch, head.next_voucher, {}, {}, {}};
  for (uint32_t i = 0; i < kMoveRowsMax + 1; ++i) {
    batch.activated.push_back(order(key(i), 100, 1));
    batch.vouchers.push_back(paid(batch.next().value, batch.activated.back()));
    batch.vouchers.push_back(opened(batch.next().value, key(i), 1, "ann", 100));
    batch.finished.push_back({key(i), PacketState::kExhausted});
  }
  ASSERT_EQ(store->commit(batch), CommitOutcome::kCommitted);
  ASSERT_FALSE(store->archive(head.epoch, kToday, [] { return false; }).value());
  sqlite::Database::open_writer(dir_.file("cold/s007-20261122.db"))
      .execute("UPDATE packet_20261122 SET total = total + 1");
  EXPECT_EQ(store->archive(head.epoch, kToday, [] { return true; }).error().code, ErrorCode::kStorage);
  EXPECT_EQ(store->days().value()[0].place, DayPlace::kHot);
  EXPECT_TRUE(store->archive(head.epoch, kToday, [] { return true; }).value());
  EXPECT_EQ(store->load(key(0)).value()->order, batch.activated[0]);
}

// The batch makes a new day's tables before it fails on the old day: both must be gone, and the next try makes them
// anew.
TEST_F(SqliteFiles, ABatchThatFailsInTheMiddleLeavesNothingBehind) {
  const auto store = sqlite::OrderStore::open(file_, kShard).value();
  const ShardHead head = store->acquire("test", kNoLease).value();
  const Order old = order(key(1), 100, 2);
  ASSERT_EQ(store->commit({head.epoch, head.next_voucher, {old}, {paid(1, old)}, {}}), CommitOutcome::kCommitted);

  sqlite::Database shell = sqlite::Database::open_writer(file_);
  shell.execute("CREATE TRIGGER broken BEFORE INSERT ON voucher_20261122 BEGIN SELECT no_such_function(); END");
  const Order made = order(key(2, Day{kToday.since_epoch + 1}), 100, 1);
  CommitBatch batch{head.epoch, VoucherNo{2}, {made}, {paid(2, made), opened(3, old.key, 1, "ann", 10)}, {}};
  EXPECT_EQ(store->commit(batch), CommitOutcome::kUnknown);
  EXPECT_EQ(shell.integer("SELECT count(*) FROM sqlite_master WHERE name = 'packet_20261123'"), 0);
  EXPECT_EQ(store->load(made.key).value(), std::nullopt);

  shell.execute("DROP TRIGGER broken");
  const ShardHead again = store->acquire("test", kNoLease).value();
  ASSERT_EQ(again.next_voucher, batch.expected_next);  // it did not land
  batch.epoch = again.epoch;
  EXPECT_EQ(store->commit(batch), CommitOutcome::kCommitted);
  EXPECT_TRUE(store->load(made.key).value().has_value());
  EXPECT_THAT(store->read_log({1}, 10).value(), SizeIs(3));
}

}  // namespace
}  // namespace hongbao
