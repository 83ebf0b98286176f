#include "service/follow_loop.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_rate.h"
#include "base/thread.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kIdleWait{100};
constexpr std::chrono::milliseconds kErrorPause{250};
constexpr std::chrono::milliseconds kGatherFor{50};
constexpr int kRestAtPeak = 9;  // times as long as the step took
constexpr std::chrono::seconds kRestMax{1};
constexpr std::chrono::seconds kLogCheckEvery{1};

}  // namespace

void FollowLoop::start(Busy busy) {
  busy_ = std::move(busy);
  thread_ = std::thread([this] { run(); });
}

void FollowLoop::stop() {
  stopping_.store(true);
  if (thread_.joinable()) {
    thread_.join();
  }
}

void FollowLoop::run() {
  name_this_thread(name_);
  yield_to_users();
  uint64_t seen = 0;
  SteadyTime log_checked;
  bool log_has_more = false;  // the stream may be silent for long, and then the log alone has to keep pace
  while (!stopping_.load()) {
    const SteadyTime now = std::chrono::steady_clock::now();
    const bool from_log = log_has_more || now - log_checked >= kLogCheckEvery;
    if (from_log) {
      log_checked = now;
    }
    const auto taken = step_(from_log);
    log_has_more = from_log && taken && *taken >= full_step_vouchers_;
    if (!taken) {
      if (const auto left_out = log_turn("follower_step_failed", name_)) {
        log_warn("follower_step_failed",
                 {{"follower", name_}, {"error", taken.error().detail}, {"suppressed", *left_out}});
      }
      std::this_thread::sleep_for(kErrorPause);
    } else if (*taken == 0) {
      stream_.wait(seen, kIdleWait);
    } else {
      pause(now, *taken);
    }
  }
}

void FollowLoop::pause(SteadyTime step_began, size_t taken) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (busy_()) {
    std::this_thread::sleep_until(std::min(now + (now - step_began) * kRestAtPeak, now + kRestMax));
  } else if (taken < full_step_vouchers_) {
    std::this_thread::sleep_until(step_began + kGatherFor);
  }
}

}  // namespace hongbao
