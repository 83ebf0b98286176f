// A few threads for work that blocks: reads of the ledger and the inbox. Bounded: a full pool refuses at once. `submit`
// from any thread; `start` and `stop`: the owner.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/result.h"

namespace hongbao {

class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;

  // `patience`: a read that waits for longer is not done; nobody waits for it any more.
  WorkerPool(size_t threads, size_t waiting_max, std::chrono::milliseconds patience = std::chrono::hours(24))
      : threads_(threads), patience_(patience), jobs_(waiting_max) {}
  ~WorkerPool() { stop(); }

  void start();
  // Finishes the jobs that wait.
  void stop();

  [[nodiscard]] std::chrono::milliseconds patience() const { return patience_; }

  // kOverloaded, kShuttingDown: `job` will not run.
  Result<void> submit(Job job);

 private:
  void run();

  const size_t threads_;
  const std::chrono::milliseconds patience_;
  Mailbox<Job> jobs_;
  std::vector<std::thread> workers_;
};

// Runs `read` on the pool and hands its result to `done`; refuses through `done` when the pool does.
template <class T>
void read_on(WorkerPool& workers, std::move_only_function<Result<T>()> read, Done<T> done) {
  auto shared = std::make_shared<Done<T>>(std::move(done));
  const SteadyTime give_up = std::chrono::steady_clock::now() + workers.patience();
  auto submitted = workers.submit([read = std::move(read), shared, give_up]() mutable {
    const bool in_time = std::chrono::steady_clock::now() <= give_up;
    (*shared)(in_time ? read() : fail(ErrorCode::kDeadlineExceeded, "the reads before it took too long"));
  });
  if (!submitted) {
    (*shared)(std::unexpected(submitted.error()));
  }
}

}  // namespace hongbao
