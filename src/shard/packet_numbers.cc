#include "shard/packet_numbers.h"

#include <algorithm>

namespace hongbao {

void PacketNumbers::start(uint32_t epoch) {
  const std::lock_guard lock(mutex_);
  epoch_ = epoch;
  next_least_.clear();
}

std::optional<LocalNo> PacketNumbers::next(Timestamp now) {
  const std::lock_guard lock(mutex_);
  uint32_t& least = next_least_[Day::of(now)];
  const uint32_t counter = std::max(least, LocalNo::counter_at(now));
  if (counter > LocalNo::kCounterMax) {
    return std::nullopt;
  }
  least = counter + 1;
  return LocalNo::of(epoch_, counter);
}

}  // namespace hongbao
