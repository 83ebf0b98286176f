// One system under test, played over its own protocol. Made for one round: `prepare`, then `open_all`, then `check`.
// One thread calls it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "opens/closed_loop.h"
#include "opens/workload.h"

namespace hongbao::bench {

struct SystemOptions {
  uint16_t port = 0;
  uint32_t connections = 64;
  // MariaDB only.
  std::string user;
  std::string password;
  // Hongbao only.
  uint16_t admin_port = 0;
  std::string jwt_secret;
  std::string admin_token;
};

enum class Phase : uint8_t { kOpens, kLate };

struct Measured {
  std::vector<Given> given;  // one for each of the phase's opens
  load::LatencyHistogram latency;
  double seconds = 0;
};

class System {
 public:
  virtual ~System() = default;

  // Makes the workload's packets and whatever its opens need.
  virtual Result<void> prepare(const Workload& workload) = 0;
  // The measured part. kLate comes after kOpens.
  virtual Result<Measured> open(Phase phase) = 0;
  // Returns when everything that the opens caused in the background is done.
  virtual Result<void> settle() { return {}; }
};

// Sends the requests in a closed loop and reads what each answer gave, after the clock has stopped.
Result<Measured> open_through_sockets(const SystemOptions& options, const std::vector<std::string>& requests,
                                      Framing framing, Result<Given> (*given_in)(std::string_view answer));

std::unique_ptr<System> make_hongbao(const SystemOptions& options);
std::unique_ptr<System> make_redis(const SystemOptions& options);
enum class MariadbWay : uint8_t { kForUpdate, kCompareAndSwap };
std::unique_ptr<System> make_mariadb(const SystemOptions& options, MariadbWay way);

}  // namespace hongbao::bench
