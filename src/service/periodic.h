// A thread that runs a task again and again, with a pause between the end of one run and the start of the next.
// `start` and `stop`: the owner. `run_now`: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/thread.h"

namespace hongbao {

class Periodic {
 public:
  Periodic(std::chrono::milliseconds pause, std::function<void()> task) : pause_(pause), task_(std::move(task)) {}
  ~Periodic() { stop(); }

  void start() {
    thread_ = std::thread([this] { run(); });
  }

  // Ends the pause that goes on; without one, the next.
  void run_now() {
    const std::lock_guard lock(mutex_);
    run_now_ = true;
    changed_.notify_all();
  }

  // Returns after the run that is under way.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    if (thread_.joinable()) {
      thread_.join();
    }
  }

 private:
  void run() {
    name_this_thread("periodic");
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait_for(lock, pause_, [this] { return stopping_ || run_now_; });
      if (stopping_) {
        return;
      }
      run_now_ = false;
      lock.unlock();
      task_();
      lock.lock();
    }
  }

  const std::chrono::milliseconds pause_;
  const std::function<void()> task_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool run_now_ = false;
  std::thread thread_;
};

}  // namespace hongbao
