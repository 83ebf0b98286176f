#include "apps/settings.h"

#include <fmt/format.h>

#include "base/number.h"
#include "net/listen.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kDay_ms = 24LL * 3600 * 1000;
constexpr int64_t kMib = 1 << 20;
constexpr int64_t kResidentMibLeast = 16;  // the largest packet takes 5 MiB and must fit
constexpr size_t kSecretLengthMin = 16;
constexpr size_t kDataDirBytesMax = 440;  // SQLite's paths have 512 at most
constexpr int64_t kGatherDistributed_us = 2'000;

milliseconds read_ms(ConfigReader& reader, std::string_view key, int64_t otherwise, int64_t least, int64_t most) {
  return milliseconds(reader.integer(key, otherwise, least, most));
}

// The content of the file that the key names; its error is recorded.
std::string read_secret(ConfigReader& reader, const std::string& key) {
  const std::string path = reader.required_path(key);
  if (path.empty()) {
    return {};
  }
  auto secret = read_secret_file(path, key);
  if (!secret) {
    reader.refuse(key, secret.error().detail);
    return {};
  }
  if (secret->size() < kSecretLengthMin) {
    reader.refuse(key,
                  fmt::format("names a file with less than {} characters: make a longer secret", kSecretLengthMin));
  }
  return *secret;
}

Key256 read_master_key(ConfigReader& reader) {
  const std::string key = "auth.master_key_file";
  const auto bytes = from_hex(read_secret(reader, key));
  Key256 master{};
  if (!bytes || bytes->size() != master.size()) {
    reader.refuse(key, "must name a file with 64 hexadecimal digits: create it with `hongbaoctl init`");
    return master;
  }
  std::copy(bytes->begin(), bytes->end(), master.begin());
  return master;
}

void read_server(ConfigReader& reader, Settings& settings) {
  settings.public_listen = reader.text("server.listen", "127.0.0.1:8080");
  settings.io_threads = static_cast<size_t>(reader.integer("server.io_threads", 2, 1, 64));
  HttpLimits& http = settings.http;
  http.connections_max = static_cast<uint32_t>(reader.integer("server.connections_max", 10'000, 1, 1'000'000));
  http.header_bytes_max = static_cast<uint32_t>(reader.integer("server.header_bytes_max", 8'192, 1'024, 65'536));
  http.body_bytes_max = static_cast<uint64_t>(reader.integer("server.body_bytes_max", 16'384, 1'024, kMib));
  http.pipelined_requests_max = static_cast<uint32_t>(reader.integer("server.pipelined_requests_max", 64, 1, 10'000));
  http.request_timeout = read_ms(reader, "server.request_timeout_ms", 10'000, 10, kDay_ms);
  http.idle_timeout = read_ms(reader, "server.idle_timeout_ms", 75'000, 10, kDay_ms);
  settings.drain_timeout = read_ms(reader, "server.drain_timeout_ms", 10'000, 0, kDay_ms);
  settings.admin_listen = reader.text("admin.listen", "127.0.0.1:8081");
  settings.admin_token = read_secret(reader, "admin.token_file");
  settings.workers = static_cast<size_t>(reader.integer("server.worker_threads", 2, 1, 64));
  settings.log_level = reader.one_of("log.level", "info", {"debug", "info", "warn", "error"});
}

// One, and while it is being changed the one before or behind it.
std::vector<std::string> read_secrets(ConfigReader& reader, const std::string& key, const std::string& previous_key) {
  std::vector<std::string> secrets{read_secret(reader, key)};
  if (!reader.text(previous_key, "").empty()) {
    secrets.push_back(read_secret(reader, previous_key));
  }
  return secrets;
}

void read_auth(ConfigReader& reader, Settings& settings) {
  settings.auth = {.secrets = read_secrets(reader, "auth.jwt_secret_file", "auth.jwt_previous_secret_file"),
                   .leeway = std::chrono::seconds(reader.integer("auth.leeway_s", 5, 0, 300)),
                   .issuer = reader.text("auth.issuer", ""),
                   .audience = reader.text("auth.audience", "")};
  settings.master_key = read_master_key(reader);
  for (const std::string& channel : reader.children("channels")) {
    if (!UserId::parse(channel)) {  // the same characters; they keep transfer ids unambiguous
      reader.refuse(fmt::format("channels.{}", channel), "must be named with A-Z a-z 0-9 . _ @ -");
    }
    const std::string prefix = fmt::format("channels.{}.", channel);
    settings.api.channel_secrets[channel] =
        read_secrets(reader, prefix + "secret_file", prefix + "previous_secret_file");
  }
}

void read_shards(ConfigReader& reader, Settings& settings) {
  settings.region = parse_region_name(reader.one_of("region.name", "south", {"south", "north"})).value_or(Region());
  settings.shard_count = static_cast<uint16_t>(reader.integer("shards.count", 4, 1, ShardId::kNumberMax + 1));
  ShardOptions& shard = settings.shard;
  shard.mailbox_commands_max =
      static_cast<size_t>(reader.integer("shards.mailbox_commands_max", 16'384, 1, 10'000'000));
  shard.batch_commands_max = static_cast<size_t>(reader.integer("shards.batch_commands_max", 1'024, 1, 100'000));
  // A commit of MariaDB costs as much as a hundred of its rows: it pays to let some come together.
  shard.gather = std::chrono::microseconds(
      reader.integer("shards.gather_us", settings.distributed ? kGatherDistributed_us : 0, 0, 100'000));
  shard.opens_in_flight_max =
      static_cast<uint32_t>(reader.integer("shards.packet_opens_in_flight_max", 4'096, 1, 1'000'000));
  shard.engine.resident_bytes_max =
      static_cast<size_t>(reader.integer("shards.resident_mib_max", 512, kResidentMibLeast, 1'000'000) * kMib);
  shard.engine.packet_ttl = read_ms(reader, "packets.ttl_ms", kDay_ms, 1, 366 * kDay_ms);
  settings.api.command_timeout = read_ms(reader, "shards.command_timeout_ms", 5'000, 1, 600'000);
  settings.ordering.payable = read_ms(reader, "packets.payable_ms", 15 * 60 * 1000, 1, kDay_ms);
  settings.ticket_ttl = read_ms(reader, "packets.ticket_ttl_ms", 5 * 60 * 1000, 1, kDay_ms);
}

void read_money(ConfigReader& reader, Settings& settings) {
  settings.settlement_batch_vouchers_max =
      static_cast<size_t>(reader.integer("settlement.batch_vouchers_max", 2'048, 1, 100'000));
  settings.ledger.deferral = read_ms(reader, "settlement.deferral_ms", 1'000, 1, kDay_ms);
  settings.reconciler.deferral = settings.ledger.deferral;
  settings.reconciler.deferral_max = read_ms(reader, "settlement.deferral_max_ms", 3'600'000, 1, 30 * kDay_ms);
  settings.reconciler.grace = read_ms(reader, "reconciliation.grace_ms", 5'000, 0, kDay_ms);
  settings.reconciliation_interval = read_ms(reader, "reconciliation.interval_ms", 2'000, 10, kDay_ms);
  settings.refunds_interval = read_ms(reader, "refunds.interval_ms", 1'000, 10, kDay_ms);
  settings.audit_interval = read_ms(reader, "audit.interval_ms", 60'000, 100, kDay_ms);
  settings.archive.hot_days = static_cast<int32_t>(reader.integer("archive.hot_days", 30, 0, 36'500));
  settings.archive.rows_per_s_max =
      static_cast<uint32_t>(reader.integer("archive.rows_per_s_max", 20'000, 1, 100'000'000));
  settings.archive_interval = read_ms(reader, "archive.interval_ms", 600'000, 10, kDay_ms);
  settings.cache_bytes_max = static_cast<size_t>(reader.integer("cache.mib_max", 256, 1, 1'000'000) * kMib);
  settings.sends_per_user_max = static_cast<size_t>(reader.integer("cache.sends_per_user_max", 10'000, 1, 10'000'000));
}

HostPort read_host_port(ConfigReader& reader, std::string_view key, std::string_view text) {
  const size_t colon = text.rfind(':');
  const uint16_t port =
      colon == std::string_view::npos ? uint16_t{0} : parse_decimal<uint16_t>(text.substr(colon + 1)).value_or(0);
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {  // [::1]
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty() || port == 0) {
    reader.refuse(key, fmt::format("must be HOST:PORT, not \"{}\"", text));
    return {};
  }
  return {std::string(host), port};
}

std::vector<HostPort> read_host_ports(ConfigReader& reader, std::string_view key, std::string_view text) {
  std::vector<HostPort> addresses;
  while (true) {
    const size_t comma = text.find(',');
    addresses.push_back(read_host_port(reader, key, text.substr(0, comma)));
    if (comma == std::string_view::npos) {
      return addresses;
    }
    text.remove_prefix(comma + 1);
  }
}

// Read in either mode, so that one file serves both; asked for in one.
void read_distributed(ConfigReader& reader, Settings& settings) {
  settings.distributed = reader.one_of("node.engines", "embedded", {"embedded", "distributed"}) == "distributed";
  settings.node_name = reader.text("node.name", "node");
  settings.node_listen = reader.text("node.listen", "127.0.0.1:8082");
  settings.node_address = reader.text("node.address", settings.node_listen);
  settings.placement.lease = read_ms(reader, "node.lease_ms", 3'000, 300, 600'000);
  settings.beat_interval = read_ms(reader, "node.beat_ms", 300, 10, 60'000);
  settings.leave_pause = read_ms(reader, "node.leave_ms", 2'000, 0, 600'000);
  const std::string orders = reader.text("mariadb.orders", "127.0.0.1:3306");
  settings.mariadb_orders = read_host_ports(reader, "mariadb.orders", orders);
  const std::string first = orders.substr(0, orders.find(','));
  settings.mariadb_ledger = read_host_port(reader, "mariadb.ledger", reader.text("mariadb.ledger", first));
  settings.mariadb_inbox = read_host_port(reader, "mariadb.inbox", reader.text("mariadb.inbox", first));
  if (const std::string cold = reader.text("mariadb.cold", ""); !cold.empty()) {
    settings.mariadb_cold = read_host_port(reader, "mariadb.cold", cold);
  }
  settings.mariadb_user = reader.text("mariadb.user", "hongbao");
  settings.redis = read_host_port(reader, "redis.address", reader.text("redis.address", "127.0.0.1:6379"));
  settings.redis_timeout = read_ms(reader, "redis.timeout_ms", 200, 1, 60'000);
  settings.nats_url = reader.text("nats.url", "nats://127.0.0.1:4222");
  settings.nats_replicas = reader.integer("nats.replicas", 1, 1, 5);
  settings.nats_stream_age_max = std::chrono::seconds(reader.integer("nats.stream_age_max_s", 3'600, 120, 7 * 86'400));
  settings.nats_stream_mib_max = reader.integer("nats.stream_mib_max", 4'096, 1, 1 << 20);
  (void)reader.text("mariadb.password_file", "");  // asked for below
  const std::string redis_password_file = reader.text("redis.password_file", "");
  if (!settings.distributed) {
    return;
  }
  if (!UserId::parse(settings.node_name)) {  // the same characters
    reader.refuse("node.name", "must be 1 to 64 of A-Z a-z 0-9 . _ @ -");
  }
  if (!parse_endpoint(settings.node_address)) {
    reader.refuse("node.address", "must be an IP address and a port: other nodes do not resolve names");
  }
  if (settings.beat_interval * 3 > settings.placement.lease) {
    reader.refuse("node.beat_ms", "must be a third of node.lease_ms at most");
  }
  settings.mariadb_password = read_secret(reader, "mariadb.password_file");
  if (!redis_password_file.empty()) {
    settings.redis_password = read_secret(reader, "redis.password_file");
  }
}

}  // namespace

std::vector<ShardId> Settings::shard_ids() const {
  std::vector<ShardId> ids;
  for (uint16_t number = 0; number < shard_count; ++number) {
    ids.push_back({region, number});
  }
  return ids;
}

Key128 Settings::master_key_id() const {
  return derive_key128(master_key, kKeyId, kKeyContext);
}

LogLevel parse_log_level(std::string_view name) {
  return name == "debug"   ? LogLevel::kDebug
         : name == "warn"  ? LogLevel::kWarn
         : name == "error" ? LogLevel::kError
                           : LogLevel::kInfo;
}

Result<Settings> read_settings(ConfigReader& reader) {
  Settings settings;
  read_distributed(reader, settings);
  settings.data_dir = settings.distributed ? reader.text("data.dir", "") : reader.required_path("data.dir");
  settings.config_file = reader.file();
  if (settings.data_dir.size() > kDataDirBytesMax) {
    reader.refuse("data.dir", fmt::format("is longer than {} bytes, which SQLite can't take", kDataDirBytesMax));
  }
  read_server(reader, settings);
  read_auth(reader, settings);
  read_shards(reader, settings);
  read_money(reader, settings);
  if (auto finished = reader.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return settings;
}

}  // namespace hongbao
