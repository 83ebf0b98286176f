#include "service/backup_job.h"

#include "base/log.h"
#include "base/thread.h"

namespace hongbao {
namespace {

// After each piece that was read and written: users come first.
constexpr std::chrono::milliseconds kRest{2};

}  // namespace

std::string_view to_text(BackupStatus::State state) {
  switch (state) {
    case BackupStatus::State::kNone:
      return "none";
    case BackupStatus::State::kRunning:
      return "running";
    case BackupStatus::State::kDone:
      return "done";
    case BackupStatus::State::kFailed:
      break;
  }
  return "failed";
}

Result<void> BackupJob::start(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    return fail(ErrorCode::kShuttingDown, "the server is stopping");
  }
  if (status_.state == BackupStatus::State::kRunning) {
    return fail(ErrorCode::kOverloaded, "a backup is being made already, into " + status_.directory);
  }
  if (thread_.joinable()) {
    thread_.join();  // it has said that it is done
  }
  status_ = {.state = BackupStatus::State::kRunning, .directory = directory, .began_at = clock_.now()};
  thread_ = std::thread([this] { run(); });
  return {};
}

BackupStatus BackupJob::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void BackupJob::stop() {
  std::thread thread;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stopped_.notify_all();
    thread = std::move(thread_);
  }
  if (thread.joinable()) {
    thread.join();
  }
}

void BackupJob::run() {
  name_this_thread("backup");
  const std::string directory = status().directory;
  const SteadyTime deadline = clock_.steady_now() + kTimeMax;
  const auto made = make_(directory, [&](uint64_t files, uint64_t bytes) { return go_on(deadline, files, bytes); });
  const std::lock_guard lock(mutex_);
  if (made) {
    log_info("backup_made", {{"directory", directory}, {"files", status_.files}, {"bytes", status_.bytes}});
    status_.state = BackupStatus::State::kDone;
  } else {
    log_warn("backup_failed", {{"directory", directory}, {"error", made.error().detail}});
    status_.state = BackupStatus::State::kFailed;
    status_.error = made.error().detail;
  }
}

bool BackupJob::go_on(SteadyTime deadline, uint64_t files, uint64_t bytes) {
  std::unique_lock lock(mutex_);
  status_.files += files;
  status_.bytes += bytes;
  return !stopped_.wait_for(lock, kRest, [this] { return stopping_; }) && clock_.steady_now() < deadline;
}

}  // namespace hongbao
