#include "base/log_rate.h"

#include <utility>

namespace hongbao {

std::optional<uint64_t> LogRate::turn(std::string_view event, std::string_view which, SteadyTime now) {
  std::string key(event);
  key += ' ';
  key += which;
  const std::lock_guard lock(mutex_);
  Kind& found = kind(std::move(key), now);
  if (now < found.next_at) {
    ++found.left_out;
    return std::nullopt;
  }
  found.next_at = now + kLogPause;
  return std::exchange(found.left_out, 0);
}

LogRate::Kind& LogRate::kind(std::string key, SteadyTime now) {
  if (kinds_.size() >= kKindsMax && !kinds_.contains(key)) {
    std::erase_if(kinds_, [&](const auto& entry) { return entry.second.next_at <= now; });
    key = kinds_.size() >= kKindsMax ? "" : std::move(key);
  }
  return kinds_.try_emplace(std::move(key), Kind{.next_at = SteadyTime::min()}).first->second;
}

std::optional<uint64_t> log_turn(std::string_view event, std::string_view which) {
  static auto& rate = *new LogRate();  // threads of libraries may log when the process ends
  return rate.turn(event, which, std::chrono::steady_clock::now());
}

}  // namespace hongbao
