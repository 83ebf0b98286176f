#include "adapters/memory/memory_control.h"

#include <utility>

#include "base/check.h"

namespace hongbao {
MemoryControl::MemoryControl(TrafficWeights traffic) : traffic_(std::move(traffic)) {
  CHECK(is_valid(traffic_));
}

bool MemoryControl::is_on(Switch which) const {
  return !off_[static_cast<size_t>(which)].load(std::memory_order_relaxed);
}

Result<void> MemoryControl::set(Switch which, bool on) {
  off_[static_cast<size_t>(which)].store(!on, std::memory_order_relaxed);
  return {};
}

TrafficWeights MemoryControl::traffic() const {
  const std::scoped_lock lock(mutex_);
  return traffic_;
}

Result<void> MemoryControl::set_traffic(const TrafficWeights& weights) {
  CHECK(is_valid(weights));
  const std::scoped_lock lock(mutex_);
  traffic_ = weights;
  return {};
}

}  // namespace hongbao
