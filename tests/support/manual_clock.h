// A clock that a test moves. Any thread.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace hongbao {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp at) : unix_ms_(at.unix_ms) {}
  [[nodiscard]] Timestamp now() const override { return {unix_ms_.load()}; }
  [[nodiscard]] SteadyTime steady_now() const override {
    return SteadyTime(std::chrono::milliseconds(steady_ms_.load()));
  }

  // Time passes.
  void advance(std::chrono::milliseconds by) {
    unix_ms_ += by.count();
    steady_ms_ += by.count();
  }
  // Somebody sets the wall clock; no time passes.
  void jump(std::chrono::milliseconds by) { unix_ms_ += by.count(); }

 private:
  std::atomic<int64_t> unix_ms_;
  std::atomic<int64_t> steady_ms_{0};
};

}  // namespace hongbao
