#include "apps/settings.h"

#include <fmt/format.h>

#include "apps/engine_settings.h"
#include "apps/node_identity.h"
#include "apps/settings_table.h"
#include "net/listen.h"

namespace hongbao {
namespace {

// The sections that a section of the table stands for.
std::vector<std::string> sections_of(const ConfigReader& reader, std::string_view name) {
  if (name != kChannelSection) {
    return {std::string(name)};
  }
  std::vector<std::string> sections;
  for (const std::string& channel : reader.children("channels")) {
    sections.push_back(fmt::format("channels.{}", channel));
  }
  return sections;
}

void check_channels(ConfigReader& reader) {
  for (const std::string& channel : reader.children("channels")) {
    if (!UserId::parse(channel)) {  // the same characters; they keep transfer ids unambiguous
      reader.refuse(fmt::format("channels.{}", channel), "must be named with A-Z a-z 0-9 . _ @ -");
    }
  }
}

void check_node(ConfigReader& reader, const Settings& settings) {
  if (!UserId::parse(settings.node_name)) {  // the same characters
    reader.refuse("node.name", "must be 1 to 64 of A-Z a-z 0-9 . _ @ -");
  }
  if (!parse_endpoint(settings.node_address)) {
    reader.refuse("node.address", "must be an IP address and a port: other nodes do not resolve names");
  }
  if (settings.beat_interval * 3 > settings.placement.lease) {
    reader.refuse("node.beat_ms", "must be a third of node.lease_ms at most");
  }
  check_node_identity(reader, settings);
}

}  // namespace

std::vector<ShardId> Settings::shard_ids() const {
  std::vector<ShardId> ids;
  for (uint16_t number = 0; number < shard_count; ++number) {
    ids.push_back({region, number});
  }
  return ids;
}

std::vector<Key128> Settings::master_key_ids() const {
  std::vector<Key128> ids;
  for (const RingKey& key : master_keys) {
    ids.push_back(key.id);
  }
  return ids;
}

LogLevel parse_log_level(std::string_view name) {
  return name == "debug"   ? LogLevel::kDebug
         : name == "warn"  ? LogLevel::kWarn
         : name == "error" ? LogLevel::kError
                           : LogLevel::kInfo;
}

Settings read_some_settings(ConfigReader& reader) {
  Settings settings;
  settings.config_file = reader.file();
  check_channels(reader);
  for (const SettingSection& section : settings_table(settings)) {
    for (const std::string& name : sections_of(reader, section.name)) {
      for (const Setting& each : section.settings) {
        each.read(reader, fmt::format("{}.{}", name, each.name));
      }
    }
  }
  settings.reconciler.deferral = settings.ledger.deferral;
  // One ledger, of the region that there is.
  const bool is_south = settings.region == Region::kSouth;
  settings.auth.ledgers = Ledgers(is_south ? 1 : 0, is_south ? 0 : 1);
  settings.ledgers = settings.auth.ledgers;
  if (settings.distributed) {
    check_node(reader, settings);
    check_engine_settings(reader, settings);
  }
  return settings;
}

Result<Settings> read_settings(ConfigReader& reader) {
  Settings settings = read_some_settings(reader);
  if (auto finished = reader.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return settings;
}

}  // namespace hongbao
