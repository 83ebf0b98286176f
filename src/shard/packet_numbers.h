// The numbers that a shard gives to its new packets: unique for ever, also across owners, restarts and clocks that go
// back (core/ids.h, LocalNo). Owned by the shard. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "core/ids.h"

namespace hongbao {

class PacketNumbers {
 public:
  // The shard was taken with this epoch: counters start anew.
  void start(uint32_t epoch);

  // The next number of the day of `now`; nullopt: none is left on that day.
  std::optional<LocalNo> next(Timestamp now);

 private:
  std::mutex mutex_;
  uint32_t epoch_ = 0;                  // guarded by mutex_
  std::map<Day, uint32_t> next_least_;  // least counters, guarded by mutex_
};

}  // namespace hongbao
