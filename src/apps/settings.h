// The server's settings, read once at start (base/config.h gives the order: flags, environment, file). Only the wiring
// sees them whole; every part gets its own options.
#pragma once

#include <string>

#include "base/config.h"
#include "base/crypto.h"
#include "base/log.h"
#include "core/ids.h"
#include "edge/http_server.h"
#include "edge/public_api.h"
#include "service/ledger_writer.h"
#include "service/ordering.h"
#include "service/reconciler.h"
#include "shard/shard.h"

namespace hongbao {

struct Settings {
  Region region = Region::kSouth;
  std::string data_dir;
  uint16_t shard_count = 4;

  std::string public_listen;
  size_t io_threads = 2;
  HttpLimits http;
  std::chrono::milliseconds drain_timeout{};
  std::string admin_listen;
  std::string admin_token;
  std::string jwt_secret;
  Key256 master_key{};
  PublicApiOptions api;

  ShardOptions shard;
  OrderingOptions ordering;
  std::chrono::milliseconds ticket_ttl{};
  LedgerWriterOptions ledger;
  size_t settlement_batch_vouchers_max = 0;
  ReconcilerOptions reconciler;
  std::chrono::milliseconds refunds_interval{};
  std::chrono::milliseconds reconciliation_interval{};
  std::chrono::milliseconds audit_interval{};
  size_t cache_bytes_max = 0;
  size_t workers = 0;
  std::string log_level;
};

// The first broken rule is an error of kind kConfig that names its key.
Result<Settings> read_settings(ConfigReader& reader);

LogLevel parse_log_level(std::string_view name);

}  // namespace hongbao
