// The contract of ports/control.h.
#include "ports/control.h"

#include <gtest/gtest.h>

#include "adapters/memory/memory_control.h"

namespace hongbao {
namespace {

class ControlContract : public testing::Test {
 protected:
  MemoryControl memory_{{{Region::kSouth, 100}, {Region::kNorth, 100}}};
  Control& control_ = memory_;
};

TEST_F(ControlContract, EverySwitchIsOnAtFirst) {
  for (int i = 0; i < kSwitches; ++i) {
    EXPECT_TRUE(control_.is_on(static_cast<Switch>(i)));
  }
}

TEST_F(ControlContract, ASwitchTurnsOffAndOnAlone) {
  ASSERT_TRUE(control_.set(Switch::kOpens, false).has_value());
  for (int i = 0; i < kSwitches; ++i) {
    EXPECT_EQ(control_.is_on(static_cast<Switch>(i)), static_cast<Switch>(i) != Switch::kOpens);
  }
  ASSERT_TRUE(control_.set(Switch::kOpens, true).has_value());
  EXPECT_TRUE(control_.is_on(Switch::kOpens));
}

TEST_F(ControlContract, TrafficIsWhatWasSetLast) {
  const TrafficWeights all_north{{Region::kSouth, 0}, {Region::kNorth, 100}};
  ASSERT_TRUE(control_.set_traffic(all_north).has_value());
  EXPECT_EQ(control_.traffic(), all_north);
}

TEST(ControlContractDeathTest, WeightsOutOfRangeStopTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  MemoryControl control{{{Region::kSouth, 100}}};
  EXPECT_DEATH((void)control.set_traffic({{Region::kSouth, 0}, {Region::kNorth, 0}}), "CHECK failed");
  EXPECT_DEATH((void)control.set_traffic({{Region::kSouth, 101}}), "CHECK failed");
  EXPECT_DEATH((void)control.set_traffic({}), "CHECK failed");
}

}  // namespace
}  // namespace hongbao
