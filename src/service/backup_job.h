// The backup that is made of this process's stores, one at a time, on a thread of its own. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"

namespace hongbao {

struct BackupStatus {
  enum class State : uint8_t { kNone, kRunning, kDone, kFailed };
  State state = State::kNone;
  std::string directory;
  Timestamp began_at;
  uint64_t files = 0;  // copied so far
  uint64_t bytes = 0;
  std::string error;
};
std::string_view to_text(BackupStatus::State state);

class BackupJob {
 public:
  // The stores' writers keep their logs while a backup reads.
  static constexpr std::chrono::hours kTimeMax{1};

  // Called with what was copied since the last call. False: give up.
  using Progress = std::function<bool(uint64_t files, uint64_t bytes)>;
  using Make = std::function<Result<void>(const std::string& directory, const Progress& progress)>;

  BackupJob(Make make, const Clock& clock) : make_(std::move(make)), clock_(clock) {}
  ~BackupJob() { stop(); }

  // kOverloaded: one runs. kShuttingDown.
  Result<void> start(const std::string& directory);
  [[nodiscard]] BackupStatus status() const;
  // Gives up the one that runs, and takes no other.
  void stop();

 private:
  void run();
  bool go_on(SteadyTime deadline, uint64_t files, uint64_t bytes);

  const Make make_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;  // and all below: guarded by mutex_
  BackupStatus status_;
  std::thread thread_;
};

}  // namespace hongbao
