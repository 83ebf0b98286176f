// The thread of a consumer of the voucher stream: steps while there is work, waits for the stream when there is none,
// and pauses after an error. It lets vouchers gather between two steps, because many in one transaction cost a fraction
// of what they cost in many, and nobody waits for it; behind by a full step, it goes on at once. `start` and `stop`: the
// owner.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "ports/voucher_stream.h"

namespace hongbao {

class FollowLoop {
 public:
  // `step` takes what there is, and returns how many vouchers that was; with `from_log` it asks the order stores too.
  using Step = std::function<Result<size_t>(bool from_log)>;

  FollowLoop(std::string name, VoucherStream& stream, size_t full_step_vouchers, Step step)
      : name_(std::move(name)), stream_(stream), full_step_vouchers_(full_step_vouchers), step_(std::move(step)) {}
  ~FollowLoop() { stop(); }

  void start();
  // Returns after the round that is under way.
  void stop();

 private:
  void run();

  const std::string name_;
  VoucherStream& stream_;
  const size_t full_step_vouchers_;
  const Step step_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hongbao
