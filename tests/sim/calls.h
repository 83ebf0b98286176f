// The connections between callers and processes: each call is answered at most once, or lost with its process. One
// thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "sim/environment.h"

namespace hongbao::sim {

class Calls {
 public:
  explicit Calls(Environment& env) : env_(env) {}

  // Starts a call to process `number`. `answered` gets what it was told, or nullopt when the process is gone.
  template <class T>
  Done<T> open(uint64_t number, std::function<void(std::optional<Result<T>>)> answered) {
    const uint64_t id = next_++;
    open_.emplace(id, Open{number, [answered] { answered(std::nullopt); }});
    return [this, id, answered](Result<T> result) {
      if (open_.erase(id) == 0) {
        env_.violation("a call was answered twice");
        return;
      }
      env_.history.note("answer", id, result ? 0 : static_cast<uint64_t>(result.error().code) + 1);
      answered(std::move(result));
      env_.faults.crash_if(Fault::kCrashOnAnswer);
    };
  }

  // The process is gone: its callers are told nothing.
  void lose(uint64_t number) {
    std::erase_if(open_, [number](const auto& entry) {
      const bool lost = entry.second.process == number;
      if (lost) {
        entry.second.lost();
      }
      return lost;
    });
  }

  [[nodiscard]] size_t waiting() const { return open_.size(); }

 private:
  struct Open {
    uint64_t process;
    std::function<void()> lost;
  };

  Environment& env_;
  uint64_t next_ = 1;
  std::map<uint64_t, Open> open_;
};

}  // namespace hongbao::sim
