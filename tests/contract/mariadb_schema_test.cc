// Versions of the databases: made and changed only by a migration, whoever else migrates; and servers whose settings
// could lose a commit are refused.
#include "adapters/mariadb/schema.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "adapters/mariadb/deployment.h"
#include "adapters/mariadb/inbox_store.h"
#include "adapters/mariadb/ledger_store.h"
#include "adapters/mariadb/membership.h"
#include "adapters/mariadb/order_store.h"
#include "adapters/mariadb/server_check.h"
#include "contract/engines.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using mariadb::Database;
using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<mariadb::DatabaseName> one_of_each() {
  const std::string prefix = scratch_prefix();
  return {mariadb::orders_database(kShard, prefix), mariadb::members_database(prefix), mariadb::ledger_database(prefix),
          mariadb::inbox_database(prefix), mariadb::cold_database(kShard, prefix)};
}

// Of what an operator has to mend.
template <class T>
std::string refusal(const Result<T>& result) {
  if (result) {
    return "none";
  }
  EXPECT_EQ(result.error().code, ErrorCode::kConfig);
  return result.error().detail;
}

class MariadbSchema : public testing::TestWithParam<size_t> {
 protected:
  ~MariadbSchema() override { server_.execute("DROP DATABASE IF EXISTS " + database_.name); }
  [[nodiscard]] bool exists() {
    return server_.text("SELECT 1 FROM information_schema.schemata WHERE schema_name = '" + database_.name + "'")
        .has_value();
  }

  mariadb::DatabaseName database_ = one_of_each()[GetParam()];
  size_t wanted_ = schema_steps(database_.kind).size();
  Database server_ = Database::open(test_mariadb(), "", Database::Mode::kWrite);
};

std::string kind_name(const testing::TestParamInfo<size_t>& kind) {
  return std::array{"orders", "members", "ledger", "inbox", "cold"}[kind.param];
}

INSTANTIATE_TEST_SUITE_P(Kinds, MariadbSchema, testing::Range(size_t{0}, size_t{5}), kind_name);

TEST_P(MariadbSchema, AMissingDatabaseHasVersionNoneAndIsNotMadeByLooking) {
  EXPECT_EQ(mariadb::schema_status(test_mariadb(), database_).value().found, 0U);
  EXPECT_EQ(refusal(require_schema(test_mariadb(), database_)),
            fmt::format("{} on {} has schema version 0, and this program needs {}: run `hongbaoctl schema migrate`",
                        database_.name, test_mariadb().address(), wanted_));
  EXPECT_FALSE(exists());
}

TEST_P(MariadbSchema, AMigrationMakesItAndASecondOneFindsNothingToDo) {
  const auto first = mariadb::migrate_schema(test_mariadb(), database_).value();
  EXPECT_EQ(first.found, 0U);
  EXPECT_EQ(first.wanted, wanted_);
  EXPECT_TRUE(require_schema(test_mariadb(), database_).has_value());
  EXPECT_EQ(mariadb::migrate_schema(test_mariadb(), database_).value().found, wanted_);
}

TEST_P(MariadbSchema, OfSeveralMigrationsAtOnceOneDoesIt) {
  constexpr size_t operators = 4;
  std::array<std::optional<Result<mariadb::SchemaStatus>>, operators> found;
  {
    std::vector<std::jthread> threads;
    for (auto& mine : found) {
      threads.emplace_back([&] { mine = mariadb::migrate_schema(test_mariadb(), database_); });
    }
  }
  EXPECT_EQ(std::ranges::count_if(found, [](const auto& mine) { return mine->value().found == 0; }), 1);
  EXPECT_TRUE(require_schema(test_mariadb(), database_).has_value());
}

TEST_P(MariadbSchema, AMigrationThatDiedIsFinishedByTheNext) {
  ASSERT_TRUE(mariadb::migrate_schema(test_mariadb(), database_).has_value());
  server_.execute("DELETE FROM " + database_.name + ".schema_version");  // all tables, and no word of them
  server_.commit();
  EXPECT_EQ(mariadb::migrate_schema(test_mariadb(), database_).value().found, 0U);
  EXPECT_TRUE(require_schema(test_mariadb(), database_).has_value());
}

TEST_P(MariadbSchema, ANewerVersionIsLeftAlone) {
  ASSERT_TRUE(mariadb::migrate_schema(test_mariadb(), database_).has_value());
  server_.execute(fmt::format("INSERT INTO {}.schema_version VALUES ({}, NOW(6))", database_.name, wanted_ + 1));
  server_.commit();
  const std::string words =
      fmt::format("{} has schema version {}, and this program knows {} at most", database_.name, wanted_ + 1, wanted_);
  EXPECT_THAT(refusal(require_schema(test_mariadb(), database_)), StartsWith(words));
  EXPECT_THAT(refusal(mariadb::migrate_schema(test_mariadb(), database_)), StartsWith(words));
}

TEST(MariadbMigration, ItWaitsForAnotherLongerThanAServerMayTakeToAnswer) {
  const ScratchDatabase scratch(mariadb::members_database(scratch_prefix()));
  mariadb::Server server = test_mariadb();
  server.answer_timeout = std::chrono::seconds(1);
  std::optional<Result<mariadb::SchemaStatus>> migrated;
  Database other = Database::open(test_mariadb(), "", Database::Mode::kWrite);
  ASSERT_EQ(other.text("SELECT GET_LOCK('" + scratch.name().name + "', 5)"), "1");
  {
    const std::jthread second([&] { migrated = mariadb::migrate_schema(server, scratch.name()); });
    std::this_thread::sleep_for(milliseconds(2'500));
    ASSERT_EQ(other.text("SELECT RELEASE_LOCK('" + scratch.name().name + "')"), "1");
  }
  EXPECT_TRUE(migrated->has_value()) << migrated->error().detail;
}

TEST(MariadbStores, NoneMakesItsDatabase) {
  const auto databases = one_of_each();
  const ScratchOrders orders;
  const std::array refusals{
      refusal(mariadb::OrderStore::open({test_mariadb(), databases[0]}, {test_mariadb(), orders.cold()}, kShard)),
      refusal(mariadb::Membership::open(test_mariadb(), databases[1])),
      refusal(mariadb::LedgerStore::open(test_mariadb(), databases[2])),
      refusal(mariadb::InboxStore::open(test_mariadb(), databases[3])),
      refusal(mariadb::OrderStore::check_cold({test_mariadb(), databases[4]}))};
  for (size_t i = 0; i < refusals.size(); ++i) {
    EXPECT_THAT(refusals[i], EndsWith("run `hongbaoctl schema migrate`"));
    EXPECT_EQ(mariadb::schema_status(test_mariadb(), databases[i]).value().found, 0U);
  }
}

TEST(MariadbStores, ADatabaseIsOneShardsForGood) {
  const ScratchOrders orders;
  ASSERT_TRUE(orders.open().has_value());
  EXPECT_THAT(
      refusal(mariadb::OrderStore::open({test_mariadb(), orders.hot()}, {test_mariadb(), orders.cold()}, kOtherShard)),
      HasSubstr("is the database of shard s007, not of n008"));
  EXPECT_TRUE(orders.open().has_value());
}

// Before version 4 seeds lay in clear, and would be read as if they were sealed; before version 5 packets had no group.
TEST(MariadbMigration, OrdersOfAnOlderVersionAreRefusedUnlessThereAreNone) {
  const ScratchOrders orders;
  const auto made = order(key(0), 100, 2);
  {
    const auto store = orders.open().value();
    const ShardHead head = store->acquire("owner", kNoLease).value();
    ASSERT_EQ(store->commit({head.epoch, head.next_voucher, {made}, {paid(1, made)}, {}}), CommitOutcome::kCommitted);
  }
  Database database = Database::open(test_mariadb(), orders.hot().name, Database::Mode::kWrite);
  database.execute("DELETE FROM schema_version WHERE version > 4");
  database.commit();
  EXPECT_THAT(refusal(orders.open()), HasSubstr("has schema version 4, and this program needs 5"));
  const auto without_groups = mariadb::migrate_schema(test_mariadb(), orders.hot());
  ASSERT_FALSE(without_groups);
  EXPECT_THAT(without_groups.error().detail, HasSubstr("its packets are of an older release, begin with new data"));
  database.execute("DROP TABLE stored_day");
  database.execute("CREATE TABLE stored_day(day INT PRIMARY KEY) ENGINE = InnoDB");
  database.execute(fmt::format("INSERT INTO stored_day VALUES ({})", kToday.since_epoch));
  database.execute("DELETE FROM schema_version WHERE version > 1");
  database.commit();
  EXPECT_THAT(refusal(orders.open()), HasSubstr("has schema version 1, and this program needs 5"));
  const auto refused = mariadb::migrate_schema(test_mariadb(), orders.hot());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("its packets are of an older release, begin with new data"));
  database.execute("DELETE FROM stored_day");
  database.commit();
  EXPECT_TRUE(mariadb::migrate_schema(test_mariadb(), orders.hot()));
  EXPECT_TRUE(orders.open());
}

// Version 1 had parts of shard and voucher in one number with the time.
TEST(MariadbMigration, AnInboxOfVersion1KeepsItsEntries) {
  const ScratchDatabase scratch(mariadb::inbox_database(scratch_prefix()));
  ASSERT_TRUE(mariadb::migrate_schema(test_mariadb(), scratch.name()).has_value());
  Database database = Database::open(test_mariadb(), scratch.name().name, Database::Mode::kWrite);
  for (const std::string table : {"sent", "received"}) {
    database.execute("DROP TABLE " + table);
  }
  database.execute("DELETE FROM schema_version WHERE version > 1");
  for (const std::string& statement : mariadb::inbox_schema_steps().front()) {
    database.execute(statement);
  }
  const auto position = [](int ms, int shard, int voucher) {
    return static_cast<uint64_t>(kNoon.unix_ms + ms) << 21 | static_cast<uint64_t>(shard) << 10 | (voucher & 1023);
  };
  database.execute(
      fmt::format("INSERT INTO received(user, position, voucher, shard, day, local, seq, amount) VALUES "
                  "('ann', {1}, 5000, 7, {0}, 1, 1, 10), ('ann', {2}, 2, 1008, {0}, 1, 3, 20)",
                  kToday.since_epoch, position(1, 7, 5000), position(0, 1008, 2)));
  database.execute(
      fmt::format("INSERT INTO sent(user, position, voucher, shard, day, local, total, refunded) VALUES "
                  "('ann', {1}, 1, 7, {0}, 1, 100, 70)",
                  kToday.since_epoch, position(0, 7, 1)));
  database.commit();
  EXPECT_EQ(mariadb::migrate_schema(test_mariadb(), scratch.name()).value().found, 1U);
  const auto store = mariadb::InboxStore::open(test_mariadb(), scratch.name()).value();
  const auto received = store->received(user("ann"), kListTop, 10).value();
  ASSERT_EQ(received.size(), 2U);
  EXPECT_EQ(received[0].opened_at, kNoon + milliseconds(1));
  EXPECT_EQ(received[0].voucher, VoucherNo{5'000});
  EXPECT_EQ(received[0].packet, (PacketKey{kShard, kToday, {1}}));
  EXPECT_EQ(received[1].packet.shard, kOtherShard);
  const auto sent = store->sent(user("ann"), kListTop, 10).value();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].refunded, Money(70));
  EXPECT_EQ(sent[0].paid_at, kNoon);
}

TEST(MariadbStores, ADeploymentKeepsItsMasterKeys) {
  const ScratchDatabase members(mariadb::members_database(scratch_prefix()));
  const Key128 first{1};
  const Key128 other{2};
  const auto require = [&](const std::vector<Key128>& ids) {
    return mariadb::require_master_keys(test_mariadb(), members.name(), ids);
  };
  EXPECT_TRUE(require({first}).has_value());
  const auto refused = require({other});
  EXPECT_THAT(refusal(refused), HasSubstr("give the original ones"));
  EXPECT_EQ(refused.error().field, "auth.master_keys_file");
  EXPECT_TRUE(require({first}).has_value());
  EXPECT_TRUE(require({first, other}).has_value()) << "one was added";
  EXPECT_TRUE(require({first, other}).has_value());
  EXPECT_THAT(refusal(require({first})), HasSubstr("all that were added"));
}

// What is set at run time, and set back by the object's end.
class GlobalSetting {
 public:
  GlobalSetting(std::string variable, const std::string& value) : variable_(std::move(variable)) {
    Database database = Database::open(test_mariadb(), "", Database::Mode::kRead);
    before_ = database.text("SELECT @@GLOBAL." + variable_).value();
    mariadb_as_root("SET GLOBAL " + variable_ + " = " + value);
  }
  GlobalSetting(const GlobalSetting&) = delete;
  GlobalSetting& operator=(const GlobalSetting&) = delete;
  ~GlobalSetting() { mariadb_as_root("SET GLOBAL " + variable_ + " = " + before_); }

 private:
  std::string variable_;
  std::string before_;
};

constexpr size_t kFewConnections = 100;

struct UnsafeSetting {
  std::string variable;
  std::string value;
  std::string shown;  // of the value
  std::string mend;
};

std::string setting_name(const testing::TestParamInfo<UnsafeSetting>& setting) {
  return setting.param.variable + "_" + setting.param.value;
}

class MariadbServerCheck : public testing::TestWithParam<UnsafeSetting> {};

INSTANTIATE_TEST_SUITE_P(Settings, MariadbServerCheck,
                         testing::Values(UnsafeSetting{"innodb_flush_log_at_trx_commit", "2", "2", "must be 1"},
                                         UnsafeSetting{"innodb_flush_log_at_trx_commit", "0", "0", "must be 1"},
                                         UnsafeSetting{"sync_binlog", "0", "0", "must be 1"},
                                         UnsafeSetting{"sync_binlog", "100", "100", "must be 1"},
                                         UnsafeSetting{"default_storage_engine", "Aria", "Aria", "must be InnoDB"},
                                         UnsafeSetting{"read_only", "1", "1", "must be OFF"},
                                         UnsafeSetting{"max_allowed_packet", "1048576", "1048576",
                                                       "must be 4194304 or more"},
                                         UnsafeSetting{"max_connections", "99", "99", "must be 100 or more"}),
                         setting_name);

void expect_refused(const std::string& variable, const std::string& value, const std::string& mend) {
  EXPECT_THAT(refusal(mariadb::check_server(test_mariadb(), kFewConnections)),
              AllOf(StartsWith(fmt::format("{} has {} = {}: ", test_mariadb().address(), variable, value)),
                    HasSubstr(mend), Not(HasSubstr("\n"))));
}

TEST_P(MariadbServerCheck, AnUnsafeOneIsRefusedByName) {
  ASSERT_TRUE(mariadb::check_server(test_mariadb(), kFewConnections).has_value());
  const GlobalSetting setting(GetParam().variable, GetParam().value);
  expect_refused(GetParam().variable, GetParam().shown, GetParam().mend);
}

TEST(MariadbServerConnections, AsManyAsAreNeededAreEnough) {
  const GlobalSetting setting("max_connections", std::to_string(kFewConnections));
  EXPECT_TRUE(mariadb::check_server(test_mariadb(), kFewConnections).has_value());
}

TEST(MariadbServerStart, TornPagesAndWritesWithoutSyncAreRefused) {
  engine("restart", "mariadb", "--innodb-doublewrite=0");
  expect_refused("innodb_doublewrite", "0", "must be ON");
  engine("restart", "mariadb", "--innodb-flush-method=nosync");
  expect_refused("innodb_flush_method", "nosync", "must be other than nosync");
  engine("restart", "mariadb", "--skip-log-bin --sync-binlog=0");
  EXPECT_TRUE(mariadb::check_server(test_mariadb(), kFewConnections).has_value()) << "no binary log, nothing to sync";
  engine("restart", "mariadb");
  EXPECT_TRUE(mariadb::check_server(test_mariadb(), kFewConnections).has_value());
}

TEST(MariadbServerStart, AServerThatIsNotThereIsNoMatterOfSettings) {
  mariadb::Server server = test_mariadb();
  server.port = 1;
  EXPECT_EQ(mariadb::check_server(server, kFewConnections).error().code, ErrorCode::kStorage);
}

}  // namespace
}  // namespace hongbao
