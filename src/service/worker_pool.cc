#include "service/worker_pool.h"

#include "base/thread.h"

namespace hongbao {

void WorkerPool::start() {
  for (size_t i = 0; i < threads_; ++i) {
    workers_.emplace_back([this] { run(); });
  }
}

void WorkerPool::stop() {
  jobs_.close();
  for (std::thread& worker : workers_) {
    worker.join();
  }
  workers_.clear();
}

Result<void> WorkerPool::submit(Job job) {
  switch (jobs_.push(job)) {
    case Mailbox<Job>::Push::kTaken:
      return {};
    case Mailbox<Job>::Push::kFull:
      return fail(ErrorCode::kOverloaded, "too many reads are waiting");
    case Mailbox<Job>::Push::kClosed:
      break;
  }
  return fail(ErrorCode::kShuttingDown, "the server is stopping");
}

void WorkerPool::run() {
  name_this_thread("worker");
  constexpr std::chrono::milliseconds kIdleWait{1'000};
  std::vector<Job> taken;
  while (true) {
    taken.clear();
    jobs_.take(taken, 1, kIdleWait);
    if (taken.empty() && jobs_.closed()) {
      return;
    }
    for (Job& job : taken) {
      job();
    }
  }
}

}  // namespace hongbao
