// What the SQLite stores promise about their files: identity, version, and the way out of a commit that fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/inbox_store.h"
#include "adapters/sqlite/ledger_store.h"
#include "adapters/sqlite/order_store.h"
#include "contract/temp_dir.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class SqliteFiles : public testing::Test {
 protected:
  TempDir dir_;
  std::string file_ = dir_.file("store.db");
};

TEST_F(SqliteFiles, AnotherShardsFileIsRefused) {
  ASSERT_TRUE(SqliteOrderStore::open(file_, kShard).has_value());
  const auto opened = SqliteOrderStore::open(file_, kOtherShard);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kStorage);
  EXPECT_THAT(opened.error().detail, HasSubstr("shard s007, not of n008"));
  EXPECT_TRUE(SqliteOrderStore::open(file_, kShard).has_value());
}

TEST_F(SqliteFiles, AnotherSchemaVersionIsRefused) {
  ASSERT_TRUE(SqliteOrderStore::open(file_, kShard).has_value());
  Database::open_writer(file_).execute("PRAGMA user_version = 99");
  const auto opened = SqliteOrderStore::open(file_, kShard);
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().detail, HasSubstr("schema version 99"));
}

TEST_F(SqliteFiles, AnotherStoresFileIsRefused) {
  ASSERT_TRUE(SqliteLedgerStore::open(file_).has_value());
  EXPECT_FALSE(SqliteInboxStore::open(file_).has_value());
  EXPECT_FALSE(SqliteOrderStore::open(file_, kShard).has_value());
  EXPECT_TRUE(SqliteLedgerStore::open(file_).has_value());
}

TEST_F(SqliteFiles, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(file_) << std::string(5000, 'x');
  EXPECT_FALSE(SqliteLedgerStore::open(file_).has_value());
  EXPECT_FALSE(SqliteLedgerStore::open(dir_.file("no/such/directory.db")).has_value());
}

// Two stores on one file, as when a paused process wakes up after another one took its shard.
TEST_F(SqliteFiles, AStoreThatLostItsShardIsFencedAndReadsOnWhatTheOtherWrites) {
  const auto first = SqliteOrderStore::open(file_, kShard).value();
  const auto second = SqliteOrderStore::open(file_, kShard).value();
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
  const auto store = SqliteOrderStore::open(file_, kShard).value();
  const ShardHead head = store->acquire("test", kNoLease).value();
  const Order made = order(key(1), 100, 1);
  CommitBatch batch{head.epoch, head.next_voucher, {made}, {paid(1, made)}, {}};
  {
    Database shell = Database::open_writer(file_);
    const Transaction held(shell, Transaction::Kind::kWrite);
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

// The batch makes a new day's tables before it fails on the old day: both must be gone, and the next try makes them
// anew.
TEST_F(SqliteFiles, ABatchThatFailsInTheMiddleLeavesNothingBehind) {
  const auto store = SqliteOrderStore::open(file_, kShard).value();
  const ShardHead head = store->acquire("test", kNoLease).value();
  const Order old = order(key(1), 100, 2);
  ASSERT_EQ(store->commit({head.epoch, head.next_voucher, {old}, {paid(1, old)}, {}}), CommitOutcome::kCommitted);

  Database shell = Database::open_writer(file_);
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
