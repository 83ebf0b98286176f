// The thread of a consumer of the voucher stream: steps while there is work, waits for the stream when there is none,
// and pauses after an error. `start` and `stop`: the owner.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "ports/voucher_stream.h"

namespace hongbao {

class FollowLoop {
 public:
  // `step` settles one round and returns how many vouchers it took; with `from_log` it asks the order stores too.
  using Step = std::function<Result<size_t>(bool from_log)>;

  FollowLoop(std::string name, VoucherStream& stream, Step step)
      : name_(std::move(name)), stream_(stream), step_(std::move(step)) {}
  ~FollowLoop() { stop(); }

  void start();
  // Returns after the round that is under way.
  void stop();

 private:
  void run();

  const std::string name_;
  VoucherStream& stream_;
  const Step step_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hongbao
