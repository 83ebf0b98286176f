// The part of the admin API that makes backups.
#include <boost/json/serialize.hpp>

#include "api/admin/admin_api.h"
#include "api/json_input.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr size_t kPathBytesMax = 4'096;

json::object backup_json(const BackupStatus& status) {
  json::object out{{"state", to_text(status.state)}};
  if (status.state == BackupStatus::State::kNone) {
    return out;
  }
  out["directory"] = status.directory;
  out["began_at"] = to_rfc3339(status.began_at);
  out["files"] = status.files;
  out["bytes"] = status.bytes;
  if (status.state == BackupStatus::State::kFailed) {
    out["error"] = status.error;
  }
  return out;
}

}  // namespace

void AdminApi::get_backup(const RoutedRequest&, ApiCall call) {
  if (services_.backup == nullptr) {
    call.fail_with({ErrorCode::kNotFound, "the databases of several nodes are backed up with their own tools"});
    return;
  }
  call.send_json(http::status::ok, json::serialize(backup_json(services_.backup->status())));
}

void AdminApi::make_backup(const RoutedRequest& in, ApiCall call) {
  JsonInput input(in.request.body());
  const std::string directory = input.text("directory", kPathBytesMax);
  if (!directory.starts_with('/') || directory.find('\0') != std::string::npos) {
    input.refuse("directory", "must be an absolute path on the server's machine");
  }
  if (const auto finished = input.finish(); !finished) {
    call.fail_with(finished.error());
    return;
  }
  const auto started = services_.backup == nullptr ? Result<void>() : services_.backup->start(directory);
  if (!started) {
    call.fail_with(started.error());
    return;
  }
  get_backup(in, std::move(call));
}

}  // namespace hongbao
