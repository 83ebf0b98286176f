// A bounded queue: the one door to a thread that owns state, or to a pool of workers. A full or closed mailbox
// refuses at once; the sender answers its caller with a typed error.
//
// Any thread may call any function; several may take.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace hongbao {

template <class T>
class Mailbox {
 public:
  enum class Push : uint8_t { kTaken, kFull, kClosed };

  explicit Mailbox(size_t depth_max) : depth_max_(depth_max) {}

  // On kFull and kClosed `item` is left as it was.
  [[nodiscard]] Push push(T& item) { return push(item, depth_max_, /*even_if_closed=*/false); }

  // For the owner's own helpers, whose number is bounded elsewhere: never refused.
  void push_unbounded(T item) { (void)push(item, SIZE_MAX, /*even_if_closed=*/true); }

  // Appends up to `items_max` waiting items to `out`, waiting at most `timeout` for the first one; 0 never waits.
  void take(std::vector<T>& out, size_t items_max, std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    if (timeout > std::chrono::milliseconds::zero()) {
      arrived_.wait_for(lock, timeout, [this] { return !items_.empty() || closed_; });
    }
    if (out.empty() && items_.size() <= items_max) {
      std::swap(out, items_);
      return;
    }
    const size_t count = std::min(items_max, items_.size());
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(count);
    std::move(items_.begin(), end, std::back_inserter(out));
    items_.erase(items_.begin(), end);
  }

  // From now on `push` refuses; what waits can still be taken.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    arrived_.notify_all();
  }

  [[nodiscard]] bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  // Items that wait now.
  [[nodiscard]] size_t depth() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  Push push(T& item, size_t depth_max, bool even_if_closed) {
    const std::lock_guard lock(mutex_);
    if (closed_ && !even_if_closed) {
      return Push::kClosed;
    }
    if (items_.size() >= depth_max) {
      return Push::kFull;
    }
    items_.push_back(std::move(item));
    arrived_.notify_one();
    return Push::kTaken;
  }

  const size_t depth_max_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<T> items_;
  bool closed_ = false;
};

}  // namespace hongbao
