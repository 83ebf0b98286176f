// Carries the first exception of several threads to the one that waits for them. Any thread.
#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <utility>

namespace hongbao::load {

class FirstException {
 public:
  void keep(const std::function<void()>& work) noexcept {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!first_) {
        first_ = std::current_exception();
      }
    }
  }

  bool any() {
    const std::lock_guard lock(mutex_);
    return first_ != nullptr;
  }

  void throw_again() {
    const std::lock_guard lock(mutex_);
    if (first_) {
      std::rethrow_exception(std::exchange(first_, nullptr));
    }
  }

 private:
  std::mutex mutex_;
  std::exception_ptr first_;  // guarded by mutex_
};

}  // namespace hongbao::load
