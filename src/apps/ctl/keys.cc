#include "apps/ctl/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <vector>

#include "apps/ctl/replaced_file.h"
#include "base/clock.h"
#include "core/key_ring.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr mode_t kForOwner = 0600;
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

// What is there now; its lines as they are, for only those that change are made again.
struct KeysFile {
  std::string path;
  std::vector<std::string> lines;
  std::vector<RingKey> keys;
};

Result<KeysFile> open_keys(const CtlOptions& options) {
  auto opened = open_config(options.config);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  KeysFile file{.path = opened->settings.master_keys_file, .lines = {}, .keys = {}};
  if (file.path.empty()) {
    return fail(ErrorCode::kConfig, "is missing: set it in the file or the environment", kSetting);
  }
  const auto content = read_secret_file(file.path, kSetting);
  if (!content) {
    return std::unexpected(content.error());
  }
  auto keys = parse_keys(*content);
  if (!keys) {
    return fail(ErrorCode::kConfig, fmt::format("names a file that {}", keys.error().detail), kSetting);
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
Result<void> write_keys(const KeysFile& file) {
  const std::string text = fmt::format("{}", fmt::join(file.lines, ""));
  if (const auto parsed = parse_keys(text); !parsed) {
    return fail(ErrorCode::kConfig, parsed.error().detail, kSetting);
  }
  auto written = replace_file(file.path, text, kForOwner);
  return written ? written : fail(ErrorCode::kConfig, written.error().detail, kSetting);
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
  auto file = open_keys(options);
  if (!file) {
    return std::unexpected(file.error());
  }
  const auto number = static_cast<uint32_t>(file->keys.size() + 1);
  file->lines.push_back(live_line(number, day));
  if (auto written = write_keys(*file); !written) {
    return std::unexpected(written.error());
  }
  return json::object{{"number", number}, {"from", day.yyyymmdd()}, {"file", file->path}};
}

Result<json::object> list_keys(const CtlOptions& options) {
  const auto file = open_keys(options);
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
  auto file = open_keys(options);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (number == 0 || number > file->keys.size()) {
    return fail(ErrorCode::kInvalidField, fmt::format("must be a key that is there: 1 to {}", file->keys.size()),
                "NUMBER:");
  }
  if (number == file->keys.size() || file->keys[number].from > today()) {
    return fail(ErrorCode::kInvalidField, "must have a later key that is in force: `key add` makes one", "NUMBER:");
  }
  file->lines[number - 1] = retired_line(retired(file->keys[number - 1]));
  if (auto written = write_keys(*file); !written) {
    return std::unexpected(written.error());
  }
  return json::object{{"number", number}, {"state", "retired"}, {"file", file->path}};
}

}  // namespace hongbao
