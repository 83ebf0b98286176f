#include "base/clock.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace hongbao {

std::string to_rfc3339(Timestamp at) {
  // Floor division, so that times before 1970 print right as well.
  int64_t seconds = at.unix_ms / 1000;
  int64_t millis = at.unix_ms % 1000;
  if (millis < 0) {
    millis += 1000;
    seconds -= 1;
  }
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds)), millis);
}

Timestamp SystemClock::now() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

SteadyTime SystemClock::steady_now() const {
  return std::chrono::steady_clock::now();
}

}  // namespace hongbao
