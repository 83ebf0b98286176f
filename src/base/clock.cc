#include "base/clock.h"

#include <fmt/compile.h>

namespace hongbao {

std::string to_rfc3339(Timestamp at) {
  // Part of every answer, so the format is compiled and the calendar is <chrono>'s.
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(at.unix_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format(FMT_COMPILE("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z"), static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

Timestamp SystemClock::now() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

SteadyTime SystemClock::steady_now() const {
  return std::chrono::steady_clock::now();
}

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace hongbao
