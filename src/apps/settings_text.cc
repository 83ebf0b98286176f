#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "apps/settings_table.h"

namespace hongbao {
namespace {

constexpr std::string_view kFileHead =
    "# Hongbao's settings, with the defaults. The environment overrides them: HONGBAO_SERVER_LISTEN for "
    "server.listen.\n"
    "# Relative paths begin at the directory of this file. Ranges are in docs/CONFIGURATION.md.\n";
constexpr size_t kCommentColumn = 34;
constexpr std::string_view kFirstChannel = "demo";

constexpr std::string_view kManualHead =
    R"(# Configuration

Made by `hongbaoctl settings` from the table that the server reads its settings by; a test compares them.

A setting is read from `--set KEY=VALUE`, else from the environment (`HONGBAO_SERVER_LISTEN` for `server.listen`), else from
the file. `hongbaoctl init DIR` writes a file with all of them. How paths, variables and what is wrong are taken is in
[Operating it](OPERATIONS.md#start-and-stop). A unit is the last word of a key. *Acts* tells with which engines
(`node.engines`) a setting does something; it is checked with both.
)";

std::string_view to_text(Acts acts) {
  switch (acts) {
    case Acts::kAlways:
      return "always";
    case Acts::kEmbedded:
      return "embedded";
    case Acts::kDistributed:
      return "distributed";
  }
  CHECK(false);
}

std::string_view unit_of(std::string_view name) {
  using Unit = std::pair<std::string_view, std::string_view>;
  constexpr Unit kEnds[] = {{"_ms", "ms"},          {"_us", "µs"},     {"_s", "s"},    {"mib_max", "MiB"},
                            {"bytes_max", "bytes"}, {"_days", "days"}, {"_fen", "fen"}};
  for (const auto& [end, unit] : kEnds) {
    if (name.ends_with(end)) {
      return unit;
    }
  }
  return "";
}

std::string with_channel(std::string text) {
  constexpr std::string_view kName = "NAME";
  if (const size_t at = text.find(kName); at != std::string::npos) {
    text.replace(at, kName.size(), kFirstChannel);
  }
  return text;
}

void add_line(std::string& out, const std::string& line, std::string_view comment) {
  const size_t pad = line.size() + 1 < kCommentColumn ? kCommentColumn - line.size() : 4;
  fmt::format_to(std::back_inserter(out), "{}{:{}}# {}\n", line, "", pad, comment);
}

std::string comment_of(const SettingSection& section) {
  return section.acts == Acts::kAlways ? std::string(section.about)
                                       : fmt::format("{} Only when {}.", section.about, to_text(section.acts));
}

std::string comment_of(const Setting& setting) {
  if (setting.is_written || setting.otherwise == kMustBeGiven) {
    return std::string(setting.about);
  }
  std::string otherwise = setting.otherwise;
  std::erase(otherwise, '`');
  return fmt::format("{}; {}, when it is not given", setting.about, otherwise);
}

std::string default_of(const Setting& setting) {
  return setting.otherwise.empty() ? fmt::format("`{}`", setting.value) : setting.otherwise;
}

}  // namespace

std::string settings_file() {
  std::string out(kFileHead);
  Settings unused;
  for (const SettingSection& section : settings_table(unused)) {
    out += '\n';
    add_line(out, with_channel(fmt::format("[{}]", section.name)), comment_of(section));
    for (const Setting& each : section.settings) {
      const std::string line = fmt::format("{}{} = {}", each.is_written ? "" : "#", each.name, each.value);
      add_line(out, with_channel(line), comment_of(each));
    }
  }
  return out;
}

std::string settings_manual() {
  std::string out(kManualHead);
  Settings unused;
  for (const SettingSection& section : settings_table(unused)) {
    fmt::format_to(std::back_inserter(out),
                   "\n## {}\n\n{}\n\n| key | what it is | type | unit | range | default | acts |\n"
                   "|---|---|---|---|---|---|---|\n",
                   section.name, section.about);
    for (const Setting& each : section.settings) {
      fmt::format_to(std::back_inserter(out), "| `{}.{}` | {} | {} | {} | {} | {} | {} |\n", section.name, each.name,
                     each.about, each.type, unit_of(each.name), each.range, default_of(each),
                     to_text(each.acts == Acts::kAlways ? section.acts : each.acts));
    }
  }
  return out;
}

}  // namespace hongbao
