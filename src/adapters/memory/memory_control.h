// The embedded control: switches and traffic weights of one process. They start anew with it.
//
// Threads: any. Reading a switch is one atomic load.
#pragma once

#include <array>
#include <atomic>
#include <mutex>

#include "ports/control.h"

namespace hongbao {

class MemoryControl final : public Control {
 public:
  // REQUIRES: valid weights.
  explicit MemoryControl(TrafficWeights traffic);

  [[nodiscard]] bool is_on(Switch which) const override;
  Result<void> set(Switch which, bool on) override;
  [[nodiscard]] TrafficWeights traffic() const override;
  Result<void> set_traffic(const TrafficWeights& weights) override;

 private:
  std::array<std::atomic<bool>, kSwitches> off_{};  // false: on
  mutable std::mutex mutex_;
  TrafficWeights traffic_;
};

}  // namespace hongbao
