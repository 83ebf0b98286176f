#include "apps/ctl/backup.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>
#include <thread>

#include "adapters/sqlite/data_dir.h"
#include "apps/backup.h"
#include "apps/data_identity.h"
#include "apps/data_stores.h"
#include "apps/restore.h"
#include "service/store_check.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kAskAgain{100};
constexpr std::string_view kNoSecrets =
    "the configuration and its secrets are not in a backup: keep them elsewhere, the master key above all";

Result<Settings> embedded_settings(const CtlOptions& options) {
  if (options.config.empty()) {
    return fail(ErrorCode::kConfig, "is needed: give the server's TOML file", "--config");
  }
  auto reader = ConfigReader::load(options.config, {});
  auto settings = reader ? read_settings(*reader) : std::unexpected(reader.error());
  if (settings && settings->distributed) {
    return fail(ErrorCode::kConfig, "is distributed: docs/OPERATIONS.md says how its databases are backed up",
                "node.engines");
  }
  return settings;
}

std::string absolute(const std::string& directory) {
  std::error_code error;
  std::string path = std::filesystem::absolute(directory, error).string();
  while (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  return path;
}

// An answer that is a refusal, in one line.
Result<json::object> taken(const Result<ServerAnswer>& answer) {
  if (!answer) {
    return std::unexpected(answer.error());
  }
  const json::object* body = answer->body.if_object();
  if (answer->status >= 400 || body == nullptr) {
    const json::value* detail = body == nullptr ? nullptr : body->if_contains("detail");
    return fail(ErrorCode::kInternal, detail != nullptr && detail->is_string()
                                          ? std::string(detail->get_string())
                                          : fmt::format("the server answered with status {}", answer->status));
  }
  return *body;
}

Result<json::object> backup_by_server(const ServerAccess& server, const std::string& directory) {
  const std::string wanted = json::serialize(json::object{{"directory", directory}});
  auto status = taken(ask_server(server, "POST", "/admin/v1/backup", wanted));
  while (status && status->at("state") == "running") {
    std::this_thread::sleep_for(kAskAgain);
    status = taken(ask_server(server, "GET", "/admin/v1/backup"));
  }
  if (status && (status->at("directory") != json::string(directory) || status->at("state") != "done")) {
    const json::value* error = status->if_contains("error");
    return fail(ErrorCode::kInternal,
                error != nullptr ? std::string(error->as_string()) : "the server makes another backup now");
  }
  return status;
}

// No server uses the directory: the lock says so.
Result<json::object> backup_here(const Settings& settings, const std::string& directory) {
  const auto identity = read_identity(settings.data_dir);
  if (!identity || !*identity) {
    return identity ? fail(ErrorCode::kConfig,
                           fmt::format("{} holds no data, and no server answers: there is nothing to back up",
                                       settings.data_dir),
                           "data.dir")
                    : std::unexpected(identity.error());
  }
  const auto dir = sqlite::DataDir::lock(settings.data_dir);
  const auto stores =
      dir ? open_data(*dir, settings.shard_ids(), settings.master_key_ids()) : std::unexpected(dir.error());
  if (!stores) {
    return std::unexpected(stores.error());
  }
  auto done = check_stores(stores->order_stores(), stores->ledger_stores(), *stores->inbox);
  uint64_t files = 0;
  uint64_t bytes = 0;
  done = done ? back_up(
                    {settings.data_dir, settings.shard_ids()}, directory,
                    [](auto job) {
                      job();
                      return Result<void>();
                    },
                    [&](uint64_t more_files, uint64_t more_bytes) {
                      files += more_files;
                      bytes += more_bytes;
                      return true;
                    })
              : done;
  return done ? Result<json::object>({{"state", "done"}, {"directory", directory}, {"files", files}, {"bytes", bytes}})
              : std::unexpected(done.error());
}

}  // namespace

Result<json::object> run_backup(const CtlOptions& options, const std::string& directory) {
  const auto settings = embedded_settings(options);
  const auto server = settings ? admin_access(options) : std::unexpected(settings.error());
  if (!server) {
    return std::unexpected(server.error());
  }
  const std::string path = absolute(directory);
  auto made = backup_by_server(*server, path);
  if (!made && made.error().code == ErrorCode::kUnavailable) {
    made = backup_here(*settings, path);
  }
  if (made) {
    made->insert_or_assign("note", kNoSecrets);
  }
  return made;
}

Result<json::object> run_restore(const CtlOptions& options, const std::string& directory, bool replace) {
  const auto settings = embedded_settings(options);
  const auto restored = settings ? restore(*settings, absolute(directory), replace) : std::unexpected(settings.error());
  if (!restored) {
    return std::unexpected(restored.error());
  }
  json::object out{{"state", "restored"},
                   {"data_dir", settings->data_dir},
                   {"backup_made_at", restored->made_at},
                   {"files", restored->files},
                   {"bytes", restored->bytes}};
  if (!restored->aside.empty()) {
    out["replaced_data"] = restored->aside;
  }
  return out;
}

}  // namespace hongbao
