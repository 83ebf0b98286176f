// One line of the table of settings (apps/settings_table.h): what the manual says of a setting, and how it is read. The
// makers below are its types. One thread, at start.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/config.h"

namespace hongbao {

inline constexpr std::string_view kMustBeGiven = "must be given";

enum class Acts : uint8_t { kAlways, kEmbedded, kDistributed };

struct Setting {
  using Read = std::function<void(ConfigReader& reader, const std::string& key)>;

  std::string_view name;  // below its section; a unit comes last in it
  std::string_view type;  // in the manual's words, and so is `range`
  std::string range{};    // empty: any
  std::string value{};    // as TOML has it: the default, or an example where there is none
  std::string_view about{};
  Read read{};
  Acts acts = Acts::kAlways;
  std::string otherwise{};  // what holds when it is not given, where that is not `value`
  bool is_written = true;   // in the file that `hongbaoctl init` makes; else it stands there as a comment
};

struct SettingSection {
  std::string_view name;
  std::string_view about;
  std::vector<Setting> settings;
  Acts acts = Acts::kAlways;  // all of it
};

struct Range {
  int64_t least;
  int64_t most;
};

// A number, or a time in the unit that the name ends with. `factor`: how much one is in the target.
template <class Target>
Setting integer(std::string_view name, Target& target, int64_t value, Range range, std::string_view about,
                int64_t factor = 1) {
  CHECK(range.least <= value && value <= range.most);
  return {.name = name,
          .type = "integer",
          .range = fmt::format("{} to {}", range.least, range.most),
          .value = fmt::format("{}", value),
          .about = about,
          .read = [&target, value, range, factor](ConfigReader& reader, const std::string& key) {
            target = static_cast<Target>(reader.integer(key, value, range.least, range.most) * factor);
          }};
}
template <class Target>
Setting mib(std::string_view name, Target& bytes, int64_t value, Range range, std::string_view about) {
  return integer(name, bytes, value, range, about, 1 << 20);
}

Setting text(std::string_view name, std::string& target, std::string_view value, std::string_view about);

Setting boolean(std::string_view name, bool& target, bool value, std::string_view about);

using Take = std::function<void(const std::string& value)>;
Setting one_of(std::string_view name, Take take, std::string_view value, std::vector<std::string_view> choices,
               std::string_view about);

using TakeContent = std::function<void(ConfigReader& reader, const std::string& key, const std::string& content)>;
// The content of a file; `value` is an example. An optional one may be absent or empty.
Setting secret_file(std::string_view name, TakeContent take, std::string_view value, std::string_view about);
Setting optional_secret_file(std::string_view name, TakeContent take, std::string_view value, std::string_view about);

// Where a file is that can be read, whose content is looked at later; `value` is an example. It need not be given.
Setting optional_file(std::string_view name, std::string& target, std::string_view value, std::string_view about);

// A setting of another shape.
Setting special(std::string_view name, std::string_view type, std::string_view value, std::string_view about,
                Setting::Read read);

// It has no default but what the words say, and its maker sees to that.
Setting unless_given(std::string_view otherwise, Setting setting);
// While that is false its key is known and its value is not looked at. A file for a start does not give it.
Setting only_when(const bool& condition, Setting setting);
// It acts with these engines only.
Setting embedded(Setting setting);
Setting distributed(Setting setting);

}  // namespace hongbao
