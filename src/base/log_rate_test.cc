#include "base/log_rate.h"

#include <gtest/gtest.h>

namespace hongbao {
namespace {

using std::chrono::milliseconds;

class LogRateTest : public testing::Test {
 protected:
  std::optional<uint64_t> turn(std::string_view which, SteadyTime at) { return rate_.turn("event", which, at); }

  LogRate rate_;
  const SteadyTime start_ = SteadyTime() + std::chrono::hours(1);
};

TEST_F(LogRateTest, TheFirstLineIsWrittenAtOnceAndTheNextTellsHowManyWereLeftOut) {
  EXPECT_EQ(turn("s000", start_), 0U);
  for (int i = 1; i <= 400; ++i) {
    EXPECT_EQ(turn("s000", start_ + milliseconds(12 * i)), std::nullopt);
  }
  EXPECT_EQ(turn("s000", start_ + kLogPause), 400U);
  EXPECT_EQ(turn("s000", start_ + 2 * kLogPause), 0U);
}

TEST_F(LogRateTest, KindsDoNotHideEachOther) {
  EXPECT_EQ(turn("s000", start_), 0U);
  EXPECT_EQ(turn("s001", start_), 0U);
  EXPECT_EQ(rate_.turn("another", "s000", start_), 0U);
  EXPECT_EQ(turn("s001", start_), std::nullopt);
}

TEST_F(LogRateTest, ManyKindsShareATurnUntilOthersAreQuiet) {
  for (size_t i = 0; i < LogRate::kKindsMax; ++i) {
    EXPECT_EQ(turn(std::to_string(i), start_), 0U);
  }
  EXPECT_EQ(turn("one more", start_), 0U);
  EXPECT_EQ(turn("and another", start_), std::nullopt);
  EXPECT_EQ(turn("one more", start_ + kLogPause), 0U) << "the others were forgotten";
}

}  // namespace
}  // namespace hongbao
