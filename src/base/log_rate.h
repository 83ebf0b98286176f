// Keeps what goes on and on from filling the log: the first line of a kind is written at once, then one every five
// seconds, which tells how many were left out. Kinds are an event and what it is about, such as a shard; a process has
// few of them. Any thread.
//
//   if (const auto left_out = log_turn("shard_not_acquired", to_text(id_))) {
//     log_warn("shard_not_acquired", {{"shard", to_text(id_)}, …, {"suppressed", *left_out}});
//   }
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace hongbao {

inline constexpr std::chrono::seconds kLogPause{5};

class LogRate {
 public:
  // Kinds that are remembered; when there are more, those that are quiet are forgotten, and the rest share one turn.
  static constexpr size_t kKindsMax = 1'024;

  // nullopt: leave this line out. Otherwise how many were left out since the last one.
  std::optional<uint64_t> turn(std::string_view event, std::string_view which, SteadyTime now);

 private:
  struct Kind {
    SteadyTime next_at;
    uint64_t left_out = 0;
  };
  Kind& kind(std::string key, SteadyTime now);

  std::mutex mutex_;
  std::map<std::string, Kind> kinds_;  // guarded by mutex_
};

// Of this process's log.
std::optional<uint64_t> log_turn(std::string_view event, std::string_view which = {});

}  // namespace hongbao
