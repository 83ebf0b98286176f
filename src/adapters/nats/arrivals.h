// Counts what came from the stream, and wakes those who wait for it. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace hongbao::nats {

class Arrivals {
 public:
  void add() {
    const std::scoped_lock lock(mutex_);
    ++count_;
    came_.notify_all();
  }
  // Returns when something came that is not among `seen`, or after `timeout`.
  void wait(uint64_t& seen, std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, timeout, [&] { return count_ != seen; });
    seen = count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  uint64_t count_ = 0;
};

}  // namespace hongbao::nats
