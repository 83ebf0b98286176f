// A few threads for work that blocks: reads of the ledger and the inbox. Jobs of one flow, such as a user's, run one
// after the other, and flows take turns: who asks for many long reads waits for them, and nobody else does. Bounded: a
// full pool refuses at once, and so does one in which too many of a flow wait. `submit` from any thread; `start` and
// `stop`: the owner.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "core/ids.h"

namespace hongbao {

class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;

  // `patience`: a read that waits for longer is not done; nobody waits for it any more.
  WorkerPool(size_t threads, size_t waiting_max, std::chrono::milliseconds patience = std::chrono::hours(24))
      : threads_(threads), patience_(patience), waiting_max_(waiting_max) {}
  ~WorkerPool() { stop(); }

  void start();
  // Finishes the jobs that wait.
  void stop();

  [[nodiscard]] std::chrono::milliseconds patience() const { return patience_; }

  // `flow`: whose it is; 0: nobody's, and it is a flow of its own. kOverloaded, kShuttingDown: `job` will not run.
  Result<void> submit(Job job, uint64_t flow = 0);

 private:
  static constexpr size_t kFlowPart = 8;  // of waiting_max that one flow may have

  struct Turn {
    uint64_t flow = 0;
    Job job;
  };
  void run();
  void give_turn_to_next_of(uint64_t flow);

  const size_t threads_;
  const std::chrono::milliseconds patience_;
  const size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // All guarded by mutex_.
  std::deque<Turn> turns_;
  std::unordered_map<uint64_t, std::deque<Job>> behind_;  // those of a flow that has its turn, or runs
  size_t waiting_ = 0;
  bool closed_ = false;
  std::vector<std::thread> workers_;  // the owner's
};

inline uint64_t flow_of(const UserId& user) {
  return std::max<uint64_t>(std::hash<UserId>()(user), 1);
}

// Runs `read` on the pool and hands its result to `done`; refuses through `done` when the pool does.
template <class T>
void read_on(WorkerPool& workers, std::move_only_function<Result<T>()> read, Done<T> done, uint64_t flow = 0) {
  auto shared = std::make_shared<Done<T>>(std::move(done));
  const SteadyTime give_up = std::chrono::steady_clock::now() + workers.patience();
  auto job = [read = std::move(read), shared, give_up]() mutable {
    const bool in_time = std::chrono::steady_clock::now() <= give_up;
    (*shared)(in_time ? read() : fail(ErrorCode::kDeadlineExceeded, "the reads before it took too long"));
  };
  if (auto submitted = workers.submit(std::move(job), flow); !submitted) {
    (*shared)(std::unexpected(submitted.error()));
  }
}

}  // namespace hongbao
