#include "apps/ctl/schema.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "apps/ctl/commands.h"
#include "apps/mariadb_layout.h"

namespace hongbao {
namespace {

namespace json = boost::json;

Result<Settings> read_config(const std::string& config) {
  auto opened = open_config(config);
  auto settings = opened ? read_settings(opened->reader) : std::unexpected(opened.error());
  if (settings && !settings->distributed) {
    return fail(ErrorCode::kConfig, "is embedded: its files are made by the server itself", "node.engines");
  }
  return settings;
}

}  // namespace

Result<std::string> run_schema(const std::string& config, bool migrate, bool as_json) {
  const auto settings = read_config(config);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  json::array databases;
  std::string text;
  for (const auto& [server, database] : MariadbLayout(*settings).databases()) {
    const auto found = migrate ? mariadb::migrate_schema(server, database) : mariadb::schema_status(server, database);
    if (!found) {
      return std::unexpected(found.error());
    }
    const size_t now = migrate ? found->wanted : found->found;
    databases.push_back({{"server", server.address()},
                         {"database", database.name},
                         {"version_before", found->found},
                         {"version", now},
                         {"wanted", found->wanted}});
    const std::string_view state = found->found == found->wanted ? "is current" : migrate ? "migrated" : "run migrate";
    text +=
        fmt::format("{:<24} {:<22} version {} of {}: {}\n", database.name, server.address(), now, found->wanted, state);
  }
  return as_json ? json::serialize(json::object{{"databases", std::move(databases)}}) + "\n" : text;
}

}  // namespace hongbao
