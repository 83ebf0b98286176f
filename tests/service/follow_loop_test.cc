// When a follower asks the order store's log, though its stream is silent.
#include "service/follow_loop.h"

#include <gtest/gtest.h>

#include <map>

#include "adapters/memory/log_voucher_stream.h"

namespace hongbao {
namespace {

constexpr size_t kFullStep = 100;
constexpr int kFullSteps = 20;

// The stream brings nothing, and the log has much: what a dead stream leaves to be read.
TEST(FollowLoopTest, BehindByAFullStepOfTheLogItGoesOnReadingIt) {
  LogVoucherStream silent{VoucherLogs()};
  std::atomic<int> steps_left = kFullSteps;
  FollowLoop loop("test", silent, kFullStep, [&](bool from_log) -> Result<size_t> {
    return from_log && steps_left > 0 ? (--steps_left, kFullStep) : 0;
  });
  const auto began = std::chrono::steady_clock::now();
  loop.start([] { return false; });
  while (steps_left > 0 && std::chrono::steady_clock::now() - began < std::chrono::seconds(kFullSteps / 2)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(steps_left, 0) << "one step a second would take twice as long";
}

}  // namespace
}  // namespace hongbao
