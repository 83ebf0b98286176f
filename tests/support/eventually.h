// Waits for what comes by itself, on other threads or in other processes.
#pragma once

#include <chrono>
#include <thread>

namespace hongbao {

// Looks every 10 ms whether `holds` does; false when it did not within `limit`.
template <class Condition>
bool eventually(Condition holds, std::chrono::milliseconds limit = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace hongbao
