// The door to MariaDB: values, counts, and what a session is set to; the server's absence ends in time.
#include "adapters/mariadb/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/engines.h"

namespace hongbao::mariadb {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

class MariadbDatabase : public testing::Test {
 protected:
  static Database open(const mariadb::Server& server = test_mariadb(), Database::Mode mode = Database::Mode::kWrite) {
    return Database::open(server, "", mode);
  }
  static seconds time_of(const std::function<void()>& function) {
    const auto from = steady_clock::now();
    function();
    return std::chrono::ceil<seconds>(steady_clock::now() - from);
  }

  ScratchDatabase scratch_{mariadb::members_database(scratch_prefix())};
  Database database_ = Database::open(test_mariadb(), scratch_.name().name, Database::Mode::kWrite);
};

TEST_F(MariadbDatabase, AnArrayCarriesNumbersTextsBytesAndNulls) {
  database_.execute("CREATE TABLE t(id BIGINT PRIMARY KEY, text VARCHAR(64), bytes VARBINARY(8), number BIGINT)");
  const std::string zeros("\0\1\0", 3);
  ValueRows rows;
  rows.add(1, "红包", std::optional(Bytes(reinterpret_cast<const uint8_t*>(zeros.data()), zeros.size())),
           std::optional<int64_t>());
  rows.add(2, "", std::optional<Bytes>(), std::optional<int64_t>(INT64_MIN));
  Statement insert = database_.prepare("INSERT INTO t VALUES (?, ?, ?, ?)");
  EXPECT_EQ(insert.run_all(rows), 2U);
  EXPECT_EQ(insert.run(3, "one by one", nullptr, INT64_MAX), 1U) << "after an array";
  Statement select = database_.prepare("SELECT text, bytes, number FROM t ORDER BY id");
  Rows found = select.query();
  ASSERT_TRUE(found.next());
  EXPECT_EQ(found.text(0), "红包");
  EXPECT_EQ(found.text(1), zeros);
  EXPECT_TRUE(found.is_null(2));
  ASSERT_TRUE(found.next());
  EXPECT_FALSE(found.is_null(0));
  EXPECT_EQ(found.text(0), "");
  EXPECT_TRUE(found.is_null(1));
  EXPECT_EQ(found.integer(2), INT64_MIN);
  ASSERT_TRUE(found.next());
  EXPECT_EQ(found.integer(2), INT64_MAX);
  EXPECT_FALSE(found.next());
}

TEST_F(MariadbDatabase, AnUpdateCountsTheRowsItMatchedChangedOrNot) {
  database_.execute("CREATE TABLE t(id BIGINT PRIMARY KEY, state INT)");
  database_.execute("INSERT INTO t VALUES (1, 5), (2, 6)");
  Statement update = database_.prepare("UPDATE t SET state = ? WHERE id = ?");
  EXPECT_EQ(update.run(5, 1), 1U);
  EXPECT_EQ(update.run(5, 9), 0U);
  ValueRows rows;
  rows.add(5, 1);  // as it was
  rows.add(7, 2);
  rows.add(7, 9);  // not there
  EXPECT_EQ(update.run_all(rows), 2U);
}

TEST_F(MariadbDatabase, NothingIsCutToFit) {
  database_.execute("CREATE TABLE t(text VARCHAR(3), number TINYINT)");
  Statement insert = database_.prepare("INSERT INTO t VALUES (?, ?)");
  EXPECT_THROW(insert.run("four", 1), MariadbError);
  EXPECT_THROW(insert.run("one", 128), MariadbError);
  Statement wide = database_.prepare("SELECT REPEAT('x', 70000)");
  Rows rows = wide.query();
  EXPECT_THROW(rows.next(), MariadbError);
}

TEST_F(MariadbDatabase, AWriterSeesWhatOthersCommitAndAReaderOneState) {
  database_.execute("CREATE TABLE t(id BIGINT PRIMARY KEY)");
  Database other = Database::open(test_mariadb(), scratch_.name().name, Database::Mode::kWrite);
  Database reader = Database::open(test_mariadb(), scratch_.name().name, Database::Mode::kRead);
  const auto count = [](Database& database) { return database.text("SELECT COUNT(*) FROM t").value(); };
  const Snapshot snapshot(reader);
  EXPECT_EQ(count(other), "0");
  database_.execute("INSERT INTO t VALUES (1)");
  EXPECT_EQ(count(other), "0");
  database_.commit();
  EXPECT_EQ(count(other), "1");
  EXPECT_EQ(count(reader), "0");
  EXPECT_THROW(reader.execute("INSERT INTO t VALUES (2)"), MariadbError);
}

// By local time the server's clock would stand still for an hour when summer ends, and leases with it.
TEST_F(MariadbDatabase, TimeIsUtcWhereverTheServerStands) {
  mariadb_as_root("SET GLOBAL time_zone = '+05:30'");
  Database session = open();
  mariadb_as_root("SET GLOBAL time_zone = 'SYSTEM'");
  EXPECT_EQ(session.text("SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), NOW())"), "0");
}

TEST_F(MariadbDatabase, LocalhostIsReachedByItsPort) {
  mariadb::Server server = test_mariadb();
  server.host = "localhost";
  EXPECT_EQ(open(server).text("SELECT @@port"), std::to_string(server.port));
}

TEST_F(MariadbDatabase, ErrorsTellWhatBroke) {
  mariadb::Server server = test_mariadb();
  server.password = "wrong";
  EXPECT_THAT([&] { open(server); },
              ThrowsMessage<MariadbError>(AllOf(HasSubstr(server.address()), Not(HasSubstr("wrong")))));
  server.host = "127.0.0.1";
  server.port = 1;
  EXPECT_THAT([&] { open(server); },
              ThrowsMessage<MariadbError>(AllOf(HasSubstr(server.address()), Not(HasSubstr("no answer within")))));
  database_.execute("CREATE TABLE t(id BIGINT PRIMARY KEY)");
  database_.execute("INSERT INTO t VALUES (1)");
  const auto error_of = [&](const std::string& sql) {
    try {
      database_.execute(sql);
    } catch (const MariadbError& error) {
      return error;
    }
    return MariadbError(0, "none");
  };
  EXPECT_TRUE(error_of("INSERT INTO t VALUES (1)").is_constraint());
  EXPECT_TRUE(error_of("SELECT 1 FROM nowhere").is_no_such_table());
  const auto id = database_.text("SELECT CONNECTION_ID()").value();
  mariadb_as_root("KILL " + id);
  const MariadbError killed = error_of("SELECT 1");
  EXPECT_TRUE(killed.is_connection_lost());
  EXPECT_THAT(killed.what(), Not(HasSubstr("no answer")));
  EXPECT_EQ(killed.place().server, test_mariadb().address());
  EXPECT_EQ(killed.place().database, scratch_.name().name);
}

TEST_F(MariadbDatabase, OpenConnectionsAndErrorsAreCountedByServer) {
  const EngineStatistics& statistics = engine_statistics("mariadb", test_mariadb().address());
  const int64_t before = statistics.connections.load();
  {
    Database session = open();
    EXPECT_EQ(statistics.connections.load(), before + 1);
    Database moved = std::move(session);
    EXPECT_EQ(statistics.connections.load(), before + 1);
  }
  EXPECT_EQ(statistics.connections.load(), before);
  const uint64_t errors = statistics.errors.load();
  EXPECT_FALSE(guarded("test", [&] { database_.execute("SELECT 1 FROM nowhere"); }).has_value());
  EXPECT_EQ(statistics.errors.load(), errors + 1);
}

TEST_F(MariadbDatabase, AFrozenServerIsALostConnectionAfterAWhile) {
  mariadb::Server server = test_mariadb();
  server.answer_timeout = seconds(1);
  server.connect_timeout = seconds(1);
  Database session = open(server);
  engine("freeze", "mariadb");
  const seconds asked = time_of([&] {
    try {
      session.execute("SELECT 1");
      ADD_FAILURE() << "a frozen server answered";
    } catch (const MariadbError& error) {
      EXPECT_TRUE(error.is_connection_lost()) << error.code() << " " << error.what();
      EXPECT_THAT(error.what(), HasSubstr("no answer within 1000 ms"));
      EXPECT_EQ(error.place().server, server.address());
    }
  });
  const seconds connected = time_of(
      [&] { EXPECT_THAT([&] { open(server); }, ThrowsMessage<MariadbError>(HasSubstr("no answer within 1000 ms"))); });
  engine("thaw", "mariadb");
  EXPECT_LE(asked, seconds(3));
  EXPECT_LE(connected, seconds(3));
  EXPECT_THROW(session.execute("SELECT 1"), MariadbError) << "a broken connection stays broken";
  EXPECT_EQ(open(server).text("SELECT 1"), "1");
}

}  // namespace
}  // namespace hongbao::mariadb
