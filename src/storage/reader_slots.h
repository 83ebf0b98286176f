// The places of a few readers of one store: connections with their own prepared statements, each used by one thread at
// a time. An adapter's ReaderPool fills them.
//
// Threads: any.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

namespace hongbao {

// As many as cores of a small machine, and enough that an audit leaves the others free.
inline constexpr size_t kReadersPerStore = 4;

template <class Reader>
class ReaderSlots {
 public:
  // Runs `function(std::unique_ptr<Reader>&)` on a slot that is free, or waits for one.
  template <class Function>
  auto use(Function&& function) {
    const size_t first = next_.fetch_add(1, std::memory_order_relaxed);
    for (size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[(first + i) % slots_.size()];
      if (std::unique_lock lock(slot.mutex, std::try_to_lock); lock) {
        return function(slot.reader);
      }
    }
    Slot& slot = slots_[first % slots_.size()];
    const std::scoped_lock lock(slot.mutex);
    return function(slot.reader);
  }

  // Puts what `make()` returns in every slot. REQUIRES: nobody uses one yet.
  template <class Make>
  void fill(Make make) {
    for (Slot& slot : slots_) {
      slot.reader = make();
    }
  }

 private:
  struct Slot {
    std::mutex mutex;
    std::unique_ptr<Reader> reader;  // guarded by mutex
  };
  std::array<Slot, kReadersPerStore> slots_;
  std::atomic<size_t> next_ = 0;
};

}  // namespace hongbao
