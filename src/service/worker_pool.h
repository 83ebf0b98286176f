// A few threads for work that blocks: reads of the ledger and the inbox. Bounded: a full pool refuses at once. `submit`
// from any thread; `start` and `stop`: the owner.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mailbox.h"
#include "base/result.h"

namespace hongbao {

class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;

  WorkerPool(size_t threads, size_t waiting_max) : threads_(threads), jobs_(waiting_max) {}
  ~WorkerPool() { stop(); }

  void start();
  // Finishes the jobs that wait.
  void stop();

  // kOverloaded, kShuttingDown: `job` will not run.
  Result<void> submit(Job job);

 private:
  void run();

  const size_t threads_;
  Mailbox<Job> jobs_;
  std::vector<std::thread> workers_;
};

// Runs `read` on the pool and hands its result to `done`; refuses through `done` when the pool does.
template <class T>
void read_on(WorkerPool& workers, std::move_only_function<Result<T>()> read, Done<T> done) {
  auto shared = std::make_shared<Done<T>>(std::move(done));
  auto submitted = workers.submit([read = std::move(read), shared]() mutable { (*shared)(read()); });
  if (!submitted) {
    (*shared)(std::unexpected(submitted.error()));
  }
}

}  // namespace hongbao
