// An admin journal in memory, for tests: it fails, hangs and is full when it is told to. Any thread.
#pragma once

#include <condition_variable>
#include <mutex>

#include "ports/admin_journal_store.h"

namespace hongbao {

class MemoryAdminJournalStore final : public AdminJournalStore {
 public:
  Result<std::vector<uint64_t>> append(const std::vector<BegunChange>& begun,
                                       const std::vector<EndedChange>& ended) override {
    std::unique_lock lock(mutex_);
    held_ = hold_;
    changed_.wait(lock, [this] { return !hold_; });
    held_ = false;
    ++appends_;
    if (fails_) {
      return fail_now();
    }
    std::vector<uint64_t> numbers;
    for (const BegunChange& each : begun) {
      entries_.push_back({.no = entries_.size() + 1, .begun = each, .ended = {}});
      numbers.push_back(entries_.size());
    }
    for (const EndedChange& each : ended) {
      entries_.at(each.no - 1).ended = each;
    }
    return numbers;
  }
  Result<std::vector<JournalEntry>> newest(uint64_t before, size_t entries_max) override {
    const std::lock_guard lock(mutex_);
    std::vector<JournalEntry> found;
    for (auto entry = entries_.rbegin(); entry != entries_.rend() && found.size() < entries_max; ++entry) {
      if (entry->no < before) {
        found.push_back(*entry);
      }
    }
    return found;
  }
  Result<uint64_t> bytes() override {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

  void fail(bool fails) {
    const std::lock_guard lock(mutex_);
    fails_ = fails;
  }
  void set_bytes(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_ = bytes;
  }
  // The next `append` hangs until it is released.
  void hold() {
    const std::lock_guard lock(mutex_);
    hold_ = true;
  }
  bool is_held() {
    const std::lock_guard lock(mutex_);
    return held_;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    hold_ = false;
    changed_.notify_all();
  }
  int appends() {
    const std::lock_guard lock(mutex_);
    return appends_;
  }

 private:
  static std::unexpected<Error> fail_now() { return hongbao::fail(ErrorCode::kStorage, "told to fail"); }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<JournalEntry> entries_;
  uint64_t bytes_ = 0;
  int appends_ = 0;
  bool fails_ = false;
  bool hold_ = false;
  bool held_ = false;
};

}  // namespace hongbao
