#include "adapters/sqlite/database.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/scratch_dir.h"

namespace hongbao::sqlite {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  ScratchDir dir_;
  std::string file_ = dir_.file("test.db");
};

TEST_F(DatabaseTest, TheWriterIsDurable) {
  Database database = Database::open_writer(file_);
  EXPECT_EQ(database.text("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(database.integer("PRAGMA synchronous"), 2);
  EXPECT_EQ(database.integer("PRAGMA mmap_size"), 0);
}

TEST_F(DatabaseTest, AFileThatCanNotHaveAWalIsRefused) {
  EXPECT_THROW(Database::open_writer(":memory:"), SqliteError);
}

TEST_F(DatabaseTest, ValuesComeBackAsTheyWereBound) {
  Database database = Database::open_writer(file_);
  database.execute("CREATE TABLE t(a INTEGER, b TEXT, c BLOB, d TEXT)");
  const std::array<uint8_t, 3> bytes{0, 1, 255};
  database.prepare("INSERT INTO t VALUES (?,?,?,?)").run(Money(-7), "", Bytes(bytes), nullptr);
  Statement select = database.prepare("SELECT a, b, c, d FROM t");
  Rows rows = select.query();
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.money(0), Money(-7));
  EXPECT_FALSE(rows.is_null(1));
  EXPECT_EQ(rows.text(1), "");
  EXPECT_TRUE(std::ranges::equal(rows.blob(2), bytes));
  EXPECT_TRUE(rows.is_null(3));
  EXPECT_FALSE(rows.next());
}

TEST_F(DatabaseTest, RunTellsHowManyRowsChanged) {
  Database database = Database::open_writer(file_);
  database.execute("CREATE TABLE t(a INTEGER); INSERT INTO t VALUES (1), (2), (3)");
  EXPECT_EQ(database.prepare("UPDATE t SET a = 9 WHERE a < ?").run(3), 2);
  EXPECT_EQ(database.prepare("UPDATE t SET a = 9 WHERE a = ?").run(77), 0);
}

TEST_F(DatabaseTest, ATransactionThatIsNotCommittedIsRolledBack) {
  Database database = Database::open_writer(file_);
  database.execute("CREATE TABLE t(a INTEGER)");
  {
    const Transaction transaction(database, Transaction::Kind::kWrite);
    database.execute("INSERT INTO t VALUES (1)");
  }
  EXPECT_FALSE(database.in_transaction());
  EXPECT_EQ(database.integer("SELECT count(*) FROM t"), 0);
  {
    Transaction transaction(database, Transaction::Kind::kWrite);
    database.execute("INSERT INTO t VALUES (1)");
    transaction.commit();
  }
  EXPECT_EQ(database.integer("SELECT count(*) FROM t"), 1);
}

TEST_F(DatabaseTest, AReaderCanNotWriteAndSeesItsSnapshot) {
  Database writer = Database::open_writer(file_);
  writer.execute("CREATE TABLE t(a INTEGER)");
  Database reader = Database::open_reader(file_);
  EXPECT_THROW(reader.execute("INSERT INTO t VALUES (1)"), SqliteError);
  const Transaction snapshot(reader, Transaction::Kind::kRead);
  EXPECT_EQ(reader.integer("SELECT count(*) FROM t"), 0);
  writer.execute("INSERT INTO t VALUES (1)");
  EXPECT_EQ(reader.integer("SELECT count(*) FROM t"), 0);
}

TEST_F(DatabaseTest, GuardedTurnsAnErrorIntoAValue) {
  Database database = Database::open_writer(file_);
  const auto result = guarded("test", [&] { return database.integer("SELECT a FROM no_such_table"); });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kStorage);
  EXPECT_TRUE(guarded("test", [&] { database.execute("CREATE TABLE t(a INTEGER)"); }).has_value());
}

TEST_F(DatabaseTest, AStatementCanBeRunAgainAfterAnError) {
  Database database = Database::open_writer(file_);
  database.execute("CREATE TABLE t(a INTEGER PRIMARY KEY)");
  Statement insert = database.prepare("INSERT INTO t VALUES (?)");
  insert.run(1);
  try {
    insert.run(1);
    FAIL();
  } catch (const SqliteError& error) {
    EXPECT_TRUE(error.is_constraint());
  }
  EXPECT_EQ(insert.run(2), 1);
}

}  // namespace
}  // namespace hongbao::sqlite
