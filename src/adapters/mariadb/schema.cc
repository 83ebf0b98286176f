#include "adapters/mariadb/schema.h"

#include <fmt/format.h>

#include <charconv>

namespace hongbao::mariadb {
namespace {

constexpr int kMigrationWait_s = 60;  // for another migration of the same database
// A migration may wait, and change large tables: it gives the server longer to answer than anything else does.
constexpr std::chrono::hours kMigrationAnswerTimeout{1};

// 0: there is no such database, or none of ours.
size_t read_version(Database& connection, const DatabaseName& database) {
  const auto table = connection.text(
      fmt::format("SELECT 1 FROM information_schema.tables WHERE table_schema = '{}' AND table_name = 'schema_version'",
                  database.name));
  if (!table) {
    return 0;
  }
  const auto version =
      connection.text(fmt::format("SELECT COALESCE(MAX(version), 0) FROM {}.schema_version", database.name));
  size_t number = 0;
  std::from_chars(version->data(), version->data() + version->size(), number);
  return number;
}

void apply_step(Database& connection, const DatabaseName& database, size_t version) {
  for (const std::string& statement : schema_steps(database.kind)[version - 1]) {
    connection.execute(statement);
  }
  connection.execute(
      fmt::format("INSERT IGNORE INTO schema_version(version, applied_at) VALUES ({}, NOW(6))", version));
  connection.commit();
}

Result<SchemaStatus> too_new(const DatabaseName& database, const SchemaStatus& status) {
  return fail(ErrorCode::kConfig, fmt::format("{} has schema version {}, and this program knows {} at most: use the "
                                              "program that made it",
                                              database.name, status.found, status.wanted));
}

}  // namespace

const std::vector<SchemaStep>& schema_steps(SchemaKind kind) {
  switch (kind) {
    case SchemaKind::kOrders:
      return order_schema_steps();
    case SchemaKind::kCold:
      return cold_schema_steps();
    case SchemaKind::kMembers:
      return member_schema_steps();
    case SchemaKind::kLedger:
      return ledger_schema_steps();
    case SchemaKind::kInbox:
      return inbox_schema_steps();
  }
  CHECK(false);
}

DatabaseName orders_database(ShardId shard, std::string_view prefix) {
  return {SchemaKind::kOrders, fmt::format("{}_{}", prefix, to_text(shard))};
}
DatabaseName cold_database(ShardId shard, std::string_view prefix) {
  return {SchemaKind::kCold, fmt::format("{}_cold_{}", prefix, to_text(shard))};
}
DatabaseName members_database(std::string_view prefix) {
  return {SchemaKind::kMembers, fmt::format("{}_members", prefix)};
}
DatabaseName ledger_database(std::string_view prefix) {
  return {SchemaKind::kLedger, fmt::format("{}_ledger", prefix)};
}
DatabaseName inbox_database(std::string_view prefix) {
  return {SchemaKind::kInbox, fmt::format("{}_inbox", prefix)};
}

Result<SchemaStatus> schema_status(const Server& server, const DatabaseName& database) {
  return guarded("schema.status", [&] {
    Database connection = Database::open(server, "", Database::Mode::kRead);
    return SchemaStatus{read_version(connection, database), schema_steps(database.kind).size()};
  });
}

Result<SchemaStatus> migrate_schema(const Server& server, const DatabaseName& database) {
  auto migrated = guarded("schema.migrate", [&] {
    Server patient = server;
    patient.answer_timeout = kMigrationAnswerTimeout;
    Database connection = Database::open(patient, "", Database::Mode::kWrite);
    const auto locked = connection.text(fmt::format("SELECT GET_LOCK('{}', {})", database.name, kMigrationWait_s));
    if (locked != "1") {
      throw MariadbError(0, fmt::format("another migration of {} goes on", database.name));
    }
    SchemaStatus status{read_version(connection, database), schema_steps(database.kind).size()};
    if (status.found < status.wanted) {
      connection.execute(
          fmt::format("CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", database.name));
      connection.execute(fmt::format("USE {}", database.name));
      connection.execute(
          "CREATE TABLE IF NOT EXISTS schema_version(version INT UNSIGNED PRIMARY KEY, applied_at DATETIME(6) NOT "
          "NULL) ENGINE = InnoDB");
    }
    for (size_t version = status.found + 1; version <= status.wanted; ++version) {
      apply_step(connection, database, version);
    }
    return status;
  });
  return migrated && migrated->found > migrated->wanted ? too_new(database, *migrated) : migrated;
}

Result<void> require_schema(const Server& server, const DatabaseName& database) {
  const auto status = schema_status(server, database);
  if (!status) {
    return std::unexpected(status.error());
  }
  if (status->found < status->wanted) {
    return fail(
        ErrorCode::kConfig,
        fmt::format("{} on {} has schema version {}, and this program needs {}: run `hongbaoctl schema migrate`",
                    database.name, server.address(), status->found, status->wanted));
  }
  return status->found == status->wanted ? Result<void>() : std::unexpected(too_new(database, *status).error());
}

}  // namespace hongbao::mariadb
