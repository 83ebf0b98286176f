#include "apps/server/descriptor_needs.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/server/deployment.h"
#include "base/descriptors.h"

namespace hongbao {
namespace {

constexpr uint64_t kPerLoop = 3;  // epoll, eventfd, timerfd
constexpr uint64_t kListeners = 4;
constexpr uint64_t kJournal = 4;   // the file, its log and index, its lock
constexpr uint64_t kReserve = 64;  // the lock, small files that are written, names that are looked up

uint64_t of_connections(const Settings& settings) {
  return settings.http.connections_max + 2 * std::min(settings.http.connections_max, kSmallConnectionsMax) +
         3 * HttpConnections::kLeavingMax;
}

}  // namespace

uint64_t descriptors_needed(const Settings& settings) {
  const uint64_t loops = settings.io_threads + 3;  // the admin's, that of health, and that of links
  return of_connections(settings) + deployment_kind(settings).descriptors_needed(settings) + loops * kPerLoop +
         kListeners + kJournal + kReserve;
}

Result<void> reserve_descriptors(const Settings& settings) {
  const uint64_t limit = raise_descriptor_limit();
  const uint64_t needed = open_descriptors() + descriptors_needed(settings);
  if (needed <= limit) {
    return {};
  }
  const uint64_t fixed = needed - of_connections(settings) + uint64_t{2} * kSmallConnectionsMax;
  const std::string mend = limit > fixed ? fmt::format(", or set server.connections_max to {} at most", limit - fixed)
                                         : std::string(", for it is too low for any server.connections_max");
  return fail(ErrorCode::kConfig,
              fmt::format("needs {} file descriptors with the other settings, and the hard limit is {}: raise it "
                          "(ulimit -n, LimitNOFILE){}",
                          needed, limit, mend),
              "server.connections_max");
}

}  // namespace hongbao
