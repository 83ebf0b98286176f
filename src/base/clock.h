// Time as a value, and the one place that reads it. Pure code takes a Timestamp; only runners and services hold a
// Clock. Deadlines use the steady clock, which does not jump.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace hongbao {

// Milliseconds since 1970-01-01 UTC.
struct Timestamp {
  int64_t unix_ms = 0;

  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
  friend constexpr Timestamp operator+(Timestamp at, std::chrono::milliseconds d) { return {at.unix_ms + d.count()}; }
  friend constexpr Timestamp operator-(Timestamp at, std::chrono::milliseconds d) { return {at.unix_ms - d.count()}; }
  friend constexpr std::chrono::milliseconds operator-(Timestamp a, Timestamp b) {
    return std::chrono::milliseconds(a.unix_ms - b.unix_ms);
  }
};

// RFC 3339 in UTC with milliseconds: 2026-11-22T21:51:07.250Z.
std::string to_rfc3339(Timestamp at);

using SteadyTime = std::chrono::steady_clock::time_point;

// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // The time of day; it may jump either way.
  [[nodiscard]] virtual Timestamp now() const = 0;
  // Only ever rises; says nothing of the time of day.
  [[nodiscard]] virtual SteadyTime steady_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override;
  [[nodiscard]] SteadyTime steady_now() const override;
};

// One that is always there.
const Clock& system_clock();

}  // namespace hongbao
