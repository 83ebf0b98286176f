// A clock that stands still until a test moves it. Any thread.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace hongbao {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp at) : now_ms_(at.unix_ms) {}

  [[nodiscard]] Timestamp now() const override { return {now_ms_.load()}; }
  void advance(std::chrono::milliseconds by) { now_ms_.fetch_add(by.count()); }

 private:
  std::atomic<int64_t> now_ms_;
};

}  // namespace hongbao
