// A clock that a test moves. Any thread.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace hongbao {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp at) : unix_ms_(at.unix_ms) {}
  [[nodiscard]] Timestamp now() const override { return {unix_ms_.load()}; }
  void set(Timestamp at) { unix_ms_ = at.unix_ms; }
  void advance(std::chrono::milliseconds by) { unix_ms_ += by.count(); }

 private:
  std::atomic<int64_t> unix_ms_;
};

}  // namespace hongbao
