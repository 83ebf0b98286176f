// The server's settings, read once at start (base/config.h gives the order: flags, environment, file). Only the wiring
// sees them whole; every part gets its own options. Defaults and ranges are in apps/settings_table.cc and nowhere else.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/auth.h"
#include "api/public/public_api.h"
#include "base/config.h"
#include "base/engine_tls.h"
#include "base/log.h"
#include "core/ids.h"
#include "core/key_ring.h"
#include "net/http/server.h"
#include "net/link/peer_identity.h"
#include "routing/placement.h"
#include "service/archiver.h"
#include "service/ledger_committer.h"
#include "service/ordering.h"
#include "service/reconciler.h"
#include "shard/shard.h"

namespace hongbao {

struct HostPort {
  std::string host;
  uint16_t port = 0;
};

struct Settings {
  Region region{};
  std::string data_dir;  // embedded only
  std::string config_file;
  bool is_new_data_wanted = false;  // data.dir may be another one than before
  uint16_t shard_count = 0;

  bool distributed = false;  // on MariaDB, Redis and NATS, with other nodes
  bool core_dumps = false;   // may be written, with all secrets
  std::string node_name;
  std::string node_listen;
  std::string node_address;  // where other nodes reach node_listen
  PeerIdentityFiles node_tls;
  std::vector<HostPort> mariadb_orders;
  std::optional<HostPort> mariadb_cold;  // none: a shard's cold days are on its own server
  HostPort mariadb_ledger;
  HostPort mariadb_inbox;
  std::string mariadb_user;
  std::string mariadb_password;
  EngineTls mariadb_tls;
  HostPort redis;
  std::string redis_user;
  std::string redis_password;
  EngineTls redis_tls;
  std::chrono::milliseconds redis_timeout{};
  std::string nats_url;
  std::string nats_user;
  std::string nats_password;
  std::string nats_credentials_file;
  EngineTls nats_tls;
  int64_t nats_replicas = 0;
  std::chrono::seconds nats_stream_age_max{};
  int64_t nats_stream_mib_max = 0;
  bool allow_plaintext = false;  // to engines on other machines
  PlacementOptions placement;
  std::chrono::milliseconds beat_interval{};
  std::chrono::milliseconds leave_pause{};

  std::string public_listen;
  size_t io_threads = 0;
  HttpLimits http;
  std::chrono::milliseconds drain_timeout{};
  std::string admin_listen;
  std::string health_listen;
  std::string admin_tokens_file;
  std::string admin_journal_file;
  uint64_t admin_journal_bytes_max = 0;
  Money deposit_max;         // of one call
  Money deposits_daily_max;  // of the region
  AuthOptions auth;
  Ledgers ledgers;  // of the deployment
  std::string master_keys_file;
  RingKeys master_keys;
  PublicApiOptions api;

  ShardOptions shard;
  OrderingOptions ordering;
  std::chrono::milliseconds ticket_ttl{};
  LedgerCommitterOptions ledger;
  size_t settlement_batch_vouchers_max = 0;
  ReconcilerOptions reconciler;
  std::chrono::milliseconds refunds_interval{};
  std::chrono::milliseconds reconciliation_interval{};
  std::chrono::milliseconds audit_interval{};
  ArchiverOptions archive;
  std::chrono::milliseconds archive_interval{};
  size_t cache_bytes_max = 0;
  size_t sends_per_user_max = 0;
  size_t workers = 0;
  std::string log_level;

  [[nodiscard]] std::vector<ShardId> shard_ids() const;
  // What the data is known by: the ids of the master keys.
  [[nodiscard]] std::vector<Key128> master_key_ids() const;
};

// The first broken rule is an error of kind kConfig that names its key.
Result<Settings> read_settings(ConfigReader& reader);
// For whoever needs a few of them, whatever the others hold: what is broken is as if it was not given.
Settings read_some_settings(ConfigReader& reader);

LogLevel parse_log_level(std::string_view name);

}  // namespace hongbao
