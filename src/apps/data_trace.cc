#include "apps/data_trace.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>

#include "adapters/sqlite/files.h"
#include "apps/data_identity.h"
#include "base/log.h"

namespace hongbao {
namespace {

constexpr std::string_view kSuffix = ".deployment";

struct Trace {
  std::string file;
  std::string deployment;
  std::string data_dir;
};

std::array<std::string, 2> places(const std::string& config_file, std::string data_dir) {
  while (data_dir.size() > 1 && data_dir.ends_with('/')) {
    data_dir.pop_back();
  }
  return {fmt::format("{}{}", config_file, kSuffix), fmt::format("{}{}", data_dir, kSuffix)};
}

// The first that is there.
std::optional<Trace> find_trace(const std::string& config_file, const std::string& data_dir) {
  for (const std::string& file : places(config_file, data_dir)) {
    std::ifstream in(file);
    Trace trace{.file = file, .deployment = {}, .data_dir = {}};
    if (in >> trace.deployment >> std::ws && std::getline(in, trace.data_dir)) {
      return trace;
    }
  }
  return std::nullopt;
}

bool holds_something(const std::string& data_dir) {
  const auto databases = list_databases(data_dir);
  std::error_code error;
  return (databases && !databases->empty()) ||
         std::filesystem::exists(fmt::format("{}/{}", data_dir, kRestoringDirectory), error);
}

}  // namespace

Result<void> check_trace(const std::string& config_file, const std::string& data_dir, bool is_new_wanted) {
  const auto trace = find_trace(config_file, data_dir);
  const auto identity = read_identity(data_dir);
  if (!identity || is_new_wanted || !trace) {
    return identity ? Result<void>() : std::unexpected(identity.error());
  }
  if (!*identity && holds_something(data_dir)) {
    return {};  // which is told of when it is opened
  }
  if (!*identity) {
    return fail(
        ErrorCode::kConfig,
        fmt::format("{} is missing or empty, and {} says that this configuration had its data in {}: bring that "
                    "back, restore a backup (hongbaoctl restore), or begin anew with --new",
                    data_dir, trace->file, trace->data_dir),
        "data.dir");
  }
  const std::string& found = (*identity)->deployment;
  return found.empty() || found == trace->deployment
             ? Result<void>()
             : fail(ErrorCode::kConfig,
                    fmt::format("{} is of another deployment than the one that {} says this configuration had, in {}: "
                                "bring that back, or take this one with --new",
                                data_dir, trace->file, trace->data_dir),
                    "data.dir");
}

void leave_trace(const std::string& config_file, const std::string& data_dir, const std::string& deployment) {
  const auto trace = find_trace(config_file, data_dir);
  if (trace && trace->deployment == deployment && trace->data_dir == data_dir) {
    return;
  }
  std::string error;
  for (const std::string& file : places(config_file, data_dir)) {
    const auto written = sqlite::write_durably(file, fmt::format("{}\n{}\n", deployment, data_dir));
    if (written) {
      std::error_code ignored;  // of interest to whatever user runs the server next, and no secret
      std::filesystem::permissions(file, std::filesystem::perms(0644), ignored);
      return;
    }
    error = written.error().detail;
  }
  log_warn("data_trace_not_left", {{"error", error}, {"effect", "a data.dir that vanishes will not be noticed"}});
}

}  // namespace hongbao
