// The databases of a deployment and their versions. Only an operator makes or changes them (`hongbaoctl schema`); a
// server that finds another version than its own says so and does not start.
//
// Threads: any, one at a time. Errors: kConfig for what an operator has to do, kStorage with MariaDB's words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/mariadb/database.h"
#include "core/ids.h"

namespace hongbao::mariadb {

enum class SchemaKind : uint8_t { kOrders, kCold, kMembers, kLedger, kInbox };

// Step i takes a database from version i to version i + 1; a step is a list of statements, each of which may be
// repeated after a crash in the middle. Steps are only ever added.
using SchemaStep = std::vector<std::string>;
const std::vector<SchemaStep>& schema_steps(SchemaKind kind);
const std::vector<SchemaStep>& order_schema_steps();   // order_rows.cc
const std::vector<SchemaStep>& cold_schema_steps();    // order_rows.cc
const std::vector<SchemaStep>& member_schema_steps();  // membership.cc
const std::vector<SchemaStep>& ledger_schema_steps();  // ledger_rows.cc
const std::vector<SchemaStep>& inbox_schema_steps();   // inbox_rows.cc

// One database: "hongbao_s007", "hongbao_cold_s007", "hongbao_members", "hongbao_ledger", "hongbao_inbox". `prefix` is
// "hongbao" but in tests.
struct DatabaseName {
  SchemaKind kind;
  std::string name;
};
DatabaseName orders_database(ShardId shard, std::string_view prefix = "hongbao");
DatabaseName cold_database(ShardId shard, std::string_view prefix = "hongbao");
DatabaseName members_database(std::string_view prefix = "hongbao");
DatabaseName ledger_database(std::string_view prefix = "hongbao");
DatabaseName inbox_database(std::string_view prefix = "hongbao");

struct SchemaStatus {
  size_t found = 0;  // 0: there is no such database
  size_t wanted = 0;
};
Result<SchemaStatus> schema_status(const Server& server, const DatabaseName& database);

// Makes the database when it is missing, and takes it to the wanted version; returns what was found. May be repeated,
// and run from two places at once. A newer version than the wanted one is an error.
Result<SchemaStatus> migrate_schema(const Server& server, const DatabaseName& database);

// kConfig with one line that says what to do, unless the database has the wanted version.
Result<void> require_schema(const Server& server, const DatabaseName& database);

}  // namespace hongbao::mariadb
