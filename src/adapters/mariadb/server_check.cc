#include "adapters/mariadb/server_check.h"

#include <fmt/format.h>

#include <cstdlib>
#include <functional>

namespace hongbao::mariadb {
namespace {

struct ServerRule {
  const char* variable;
  std::function<bool(const std::string&)> holds;
  std::string must_be;
};

std::function<bool(const std::string&)> is(const char* wanted) {
  return [wanted](const std::string& value) { return value == wanted; };
}

std::function<bool(const std::string&)> at_least(int64_t least) {
  return [least](const std::string& value) { return std::atoll(value.c_str()) >= least; };
}

std::string read_variable(Database& database, const char* variable) {
  const auto value = database.text(fmt::format("SELECT @@GLOBAL.{}", variable));
  return value.value_or("");
}

}  // namespace

Result<void> check_server(const Server& server, size_t connections) {
  std::vector<ServerRule> rules{
      {"innodb_flush_log_at_trx_commit", is("1"), "1: else a commit that was answered may be lost"},
      {"innodb_doublewrite", is("1"), "ON: else a power cut may tear a page"},
      {"innodb_flush_method", [](const std::string& value) { return value != "nosync"; }, "other than nosync"},
      {"default_storage_engine", is("InnoDB"), "InnoDB"},
      {"read_only", is("0"), "OFF: it is a replica, or was made read-only"},
      {"max_allowed_packet", at_least(kPacketBytesMin), fmt::format("{} or more", kPacketBytesMin)},
      {"max_connections", at_least(static_cast<int64_t>(connections)),
       fmt::format("{} or more, for each node opens as many", connections)},
  };
  const auto broken = guarded("server_check", [&] {
    Database database = Database::open(server, "", Database::Mode::kWrite);
    if (read_variable(database, "log_bin") == "1") {
      rules.push_back({"sync_binlog", is("1"), "1: the binary log decides what a crash left, and must be on the disk"});
    }
    for (const ServerRule& rule : rules) {
      const std::string value = read_variable(database, rule.variable);
      if (!rule.holds(value)) {
        return fmt::format("{} has {} = {}: it must be {}", server.address(), rule.variable, value, rule.must_be);
      }
    }
    const auto isolation = database.text("SELECT @@SESSION.tx_isolation");
    return isolation == "READ-COMMITTED"
               ? std::string()
               : fmt::format("{} keeps the isolation of a session at {}: it must allow READ-COMMITTED",
                             server.address(), isolation.value_or(""));
  });
  if (!broken) {
    return std::unexpected(broken.error());
  }
  return broken->empty() ? Result<void>() : fail(ErrorCode::kConfig, *broken);
}

}  // namespace hongbao::mariadb
