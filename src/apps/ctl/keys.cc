#include "apps/ctl/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <functional>
#include <vector>

#include "apps/ctl/replaced_file.h"
#include "base/clock.h"
#include "core/key_ring.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr size_t kMaster_bytes = 32;
const char* const kSetting = "auth.master_keys_file";

std::string live_line(uint32_t number, Day from) {
  std::array<uint8_t, kMaster_bytes> master{};
  random_bytes(master);
  return fmt::format("{} live {} {}\n", number, from.yyyymmdd(), to_hex(master));
}

std::string retired_line(const RingKey& key) {
  return fmt::format("{} retired {} {} {} {}\n", key.number, key.from.yyyymmdd(), to_hex(key.id),
                     to_hex(key.short_subkeys[kPacketTag]), to_hex(key.long_subkeys[kSeedSeal]));
}

// `error` follows the file's name.
std::unexpected<Error> refuse_file(const Error& error) {
  return fail(ErrorCode::kConfig, fmt::format("names a file that {}", error.detail), kSetting);
}

// What is there now; its lines as they are, for only those that change are made again.
struct KeysFile {
  std::string path;
  std::vector<std::string> lines;
  RingKeys keys;
};

Result<std::string> keys_path(const CtlOptions& options) {
  const auto opened = open_config(options.config);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  const std::string& path = opened->settings.master_keys_file;
  return path.empty() ? fail(ErrorCode::kConfig, "is missing: set it in the file or the environment", kSetting)
                      : Result<std::string>(path);
}

Result<KeysFile> read_keys(const std::string& path) {
  KeysFile file{.path = path, .lines = {}, .keys = {}};
  const auto content = read_secret_file(file.path, kSetting);
  if (!content) {
    return std::unexpected(content.error());
  }
  auto keys = parse_keys(*content);
  if (!keys) {
    return refuse_file(keys.error());
  }
  file.keys = std::move(*keys);
  for (size_t at = 0; at < content->size();) {
    const size_t end = std::min(content->find('\n', at), content->size());
    if (end > at) {
      file.lines.push_back(content->substr(at, end - at) + "\n");
    }
    at = end + 1;
  }
  return file;
}

// Only what a server would take.
Result<void> write_keys(const KeysFile& file, NextFile& next) {
  const std::string text = fmt::format("{}", fmt::join(file.lines, ""));
  if (const auto parsed = parse_keys(text); !parsed) {
    return refuse_file(parsed.error());
  }
  auto written = next.put(text);
  return written ? written : refuse_file(written.error());
}

// Has `edit` change what is there, and puts that in its place; nobody else does so meanwhile.
Result<KeysFile> change_keys(const CtlOptions& options, const std::function<Result<void>(KeysFile&)>& edit) {
  const auto path = keys_path(options);
  if (!path) {
    return std::unexpected(path.error());
  }
  NextFile next(*path);
  if (const auto begun = next.begin(); !begun) {
    return refuse_file(begun.error());
  }
  auto file = read_keys(*path);
  auto done = file ? edit(*file) : std::unexpected(file.error());
  done = done ? write_keys(*file, next) : done;
  return done ? std::move(file) : std::unexpected(done.error());
}

Day today() {
  return Day::of(SystemClock().now());
}

}  // namespace

std::string first_keys_file() {
  return live_line(1, Day::parse_yyyymmdd("20000101").value());
}

Result<json::object> add_key(const CtlOptions& options, std::optional<Day> from) {
  const Day day = from.value_or(Day{today().since_epoch + 1});
  if (day <= today()) {
    return fail(ErrorCode::kInvalidField, "must be tomorrow (UTC+8) or later: today's packets have their ids already",
                "--from:");
  }
  uint32_t number = 0;
  const auto file = change_keys(options, [&](KeysFile& keys) {
    number = static_cast<uint32_t>(keys.keys.size() + 1);
    keys.lines.push_back(live_line(number, day));
    return Result<void>();
  });
  if (!file) {
    return std::unexpected(file.error());
  }
  return json::object{{"number", number}, {"from", day.yyyymmdd()}, {"file", file->path}};
}

Result<json::object> list_keys(const CtlOptions& options) {
  const auto path = keys_path(options);
  const auto file = path ? read_keys(*path) : std::unexpected(path.error());
  if (!file) {
    return std::unexpected(file.error());
  }
  const Day now = today();
  json::array keys;
  for (const RingKey& key : file->keys) {
    const char* state = key.is_retired ? "retired" : key.from > now ? "coming" : "live";
    keys.push_back({{"number", key.number}, {"state", state}, {"from", key.from.yyyymmdd()}, {"id", to_hex(key.id)}});
  }
  return json::object{{"keys", std::move(keys)}};
}

Result<json::object> retire_key(const CtlOptions& options, uint32_t number) {
  const auto file = change_keys(options, [&](KeysFile& keys) -> Result<void> {
    if (number == 0 || number > keys.keys.size()) {
      return fail(ErrorCode::kInvalidField, fmt::format("must be a key that is there: 1 to {}", keys.keys.size()),
                  "NUMBER:");
    }
    if (number == keys.keys.size() || keys.keys[number].from > today()) {
      return fail(ErrorCode::kInvalidField, "must have a later key that is in force: `key add` makes one", "NUMBER:");
    }
    keys.lines[number - 1] = retired_line(retired(keys.keys[number - 1]));
    return {};
  });
  if (!file) {
    return std::unexpected(file.error());
  }
  return json::object{{"number", number}, {"state", "retired"}, {"file", file->path}};
}

}  // namespace hongbao
