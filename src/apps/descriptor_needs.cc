#include "apps/descriptor_needs.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/sqlite/cold_days.h"
#include "adapters/sqlite/reader_pool.h"
#include "apps/mariadb_layout.h"
#include "base/descriptors.h"

namespace hongbao {
namespace {

// A database and its log for each connection, and their shared index.
constexpr uint64_t kPerStore = 2 * (1 + kReadersPerStore) + 1;
constexpr uint64_t kPerMove = 4;        // a day on its way: its file, a journal, the directory
constexpr uint64_t kPerLoop = 3;        // epoll, eventfd, timerfd
constexpr uint64_t kListeners = 3;      //
constexpr uint64_t kOtherNodes = 256;   // links to them, and from them
constexpr uint64_t kOtherEngines = 32;  // Redis, NATS
constexpr uint64_t kReserve = 64;       // the lock, small files that are written, names that are looked up

uint64_t of_engines(const Settings& settings) {
  if (!settings.distributed) {
    constexpr uint64_t kLedgerAndInbox = 2;
    return settings.shard_count * (kPerStore + sqlite::kOpenColdDaysMax + kPerMove) + kLedgerAndInbox * kPerStore;
  }
  uint64_t connections = 0;
  for (const MariadbLayout::UsedServer& server : MariadbLayout(settings).servers()) {
    connections += server.connections;
  }
  return connections + kOtherEngines + kOtherNodes;
}

uint64_t of_connections(const Settings& settings) {
  return settings.http.connections_max + std::min(settings.http.connections_max, kAdminConnectionsMax);
}

}  // namespace

uint64_t descriptors_needed(const Settings& settings) {
  const uint64_t loops = settings.io_threads + 2;  // the admin's, and that of links
  return of_connections(settings) + of_engines(settings) + loops * kPerLoop + kListeners + kReserve;
}

Result<void> reserve_descriptors(const Settings& settings) {
  const uint64_t limit = raise_descriptor_limit();
  const uint64_t needed = open_descriptors() + descriptors_needed(settings);
  if (needed <= limit) {
    return {};
  }
  const uint64_t fixed = needed - of_connections(settings) + kAdminConnectionsMax;
  const std::string mend = limit > fixed ? fmt::format(", or set server.connections_max to {} at most", limit - fixed)
                                         : std::string(", for it is too low for any server.connections_max");
  return fail(ErrorCode::kConfig,
              fmt::format("needs {} file descriptors with the other settings, and the hard limit is {}: raise it "
                          "(ulimit -n, LimitNOFILE){}",
                          needed, limit, mend),
              "server.connections_max");
}

}  // namespace hongbao
