// The thread of a consumer of the voucher stream: steps while there is work, waits for the stream when there is none,
// and pauses after an error. It lets vouchers gather between two steps: one large transaction costs a fraction of many
// small ones, and nobody waits. When it is a full step behind, it goes on at once. While users wait for their opens it
// works a tenth of the time and falls behind. The log keeps what is left to do.
// `start` and `stop`: the owner.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "ports/voucher_stream.h"

namespace hongbao {

class FollowLoop {
 public:
  // `step` takes what there is, and returns how many vouchers that was; with `from_log` it asks the order stores too.
  using Step = std::function<Result<size_t>(bool from_log)>;

  // Any thread; true while users wait.
  using Busy = std::function<bool()>;

  FollowLoop(std::string name, VoucherStream& stream, size_t full_step_vouchers, Step step)
      : name_(std::move(name)), stream_(stream), full_step_vouchers_(full_step_vouchers), step_(std::move(step)) {}
  ~FollowLoop() { stop(); }

  void start(Busy busy);
  // Returns after the round that is under way.
  void stop();

 private:
  void run();
  void pause(SteadyTime step_began, size_t taken);

  const std::string name_;
  VoucherStream& stream_;
  const size_t full_step_vouchers_;
  const Step step_;
  Busy busy_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hongbao
