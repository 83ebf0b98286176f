#include "service/worker_pool.h"

#include <algorithm>

#include "base/thread.h"

namespace hongbao {

void WorkerPool::start() {
  for (size_t i = 0; i < threads_; ++i) {
    workers_.emplace_back([this] { run(); });
  }
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  for (std::thread& worker : workers_) {
    worker.join();
  }
  workers_.clear();
}

Result<void> WorkerPool::submit(Job job, uint64_t flow) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    return fail(ErrorCode::kShuttingDown, "the server is stopping");
  }
  const auto before = flow == 0 ? behind_.end() : behind_.find(flow);
  const bool is_one_too_many = before != behind_.end() && before->second.size() + 1 > waiting_max_ / kFlowPart;
  if (waiting_ >= waiting_max_ || is_one_too_many) {
    return fail(ErrorCode::kOverloaded, "too many reads are waiting");
  }
  ++waiting_;
  if (before != behind_.end()) {
    before->second.push_back(std::move(job));
    return {};
  }
  if (flow != 0) {
    behind_.try_emplace(flow);
  }
  turns_.push_back({flow, std::move(job)});
  changed_.notify_one();
  return {};
}

void WorkerPool::run() {
  name_this_thread("worker");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !turns_.empty() || closed_; });
    if (turns_.empty()) {
      return;  // what may still wait is behind a job that another worker runs, and that one's to do
    }
    Turn turn = std::move(turns_.front());
    turns_.pop_front();
    --waiting_;
    lock.unlock();
    turn.job();
    turn.job = nullptr;  // what it holds ends outside the lock
    lock.lock();
    if (turn.flow != 0) {
      give_turn_to_next_of(turn.flow);
    }
  }
}

// REQUIRES: the lock.
void WorkerPool::give_turn_to_next_of(uint64_t flow) {
  const auto behind = behind_.find(flow);
  if (behind->second.empty()) {
    behind_.erase(behind);
    return;
  }
  turns_.push_back({flow, std::move(behind->second.front())});
  behind->second.pop_front();
  changed_.notify_one();
}

}  // namespace hongbao
