#include "apps/load/night.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/limits.h"

namespace hongbao::load {
namespace {

TEST(NightShape, HasMeanOneAndItsPeakRightAfterMidnight) {
  double sum = 0;
  double peak_at = 0;
  constexpr int kPoints = 100'000;
  for (int i = 0; i < kPoints; ++i) {
    const double x = (i + 0.5) / kPoints;
    sum += intensity(x);
    peak_at = intensity(x) > intensity(peak_at) + 0.001 ? x : peak_at;
  }
  EXPECT_NEAR(sum / kPoints, 1.0, 0.001);
  EXPECT_NEAR(peak_at, kMidnight, 0.001);
  EXPECT_NEAR(intensity(kMidnight + 0.05), 2.5, 0.05);
  EXPECT_LT(intensity(0.0), 0.6);
  EXPECT_LT(intensity(0.99), 0.6);
}

TEST(NightShape, TimeOfInvertsTheSumOfIntensity) {
  constexpr int kPoints = 100'000;
  double done = 0;
  for (int i = 0; i < kPoints; ++i) {
    done += intensity((i + 0.5) / kPoints) / kPoints;
    if (i % 997 == 0) {
      EXPECT_NEAR(time_of(done), (i + 1.0) / kPoints, 0.001) << "done " << done;
    }
  }
  EXPECT_EQ(time_of(0), 0);
  EXPECT_NEAR(time_of(1), 1, 1e-9);
}

TEST(NightShape, MidnightStrikesAtMidnight) {
  EXPECT_EQ(hour_of_night(0), "20:00");
  EXPECT_EQ(hour_of_night(kMidnight), "00:00");
  EXPECT_EQ(hour_of_night(0.75), "01:00");
}

struct Totals {
  uint64_t opens = 0;
  uint64_t grabs = 0;
  uint64_t views = 0;
};

Totals count_steps(const Night& night, uint64_t first, uint64_t last) {
  Totals totals;
  std::vector<Step> steps;
  for (uint64_t k = first; k < last; ++k) {
    const PacketPlan plan = night.packet(k);
    totals.opens += std::min(plan.openers, plan.count);
    steps.clear();
    night.steps(k, plan, steps);
    for (const Step& step : steps) {
      totals.grabs += step.op == Op::kGrab;
      totals.views += step.op == Op::kView || step.op == Op::kViewShares;
    }
  }
  return totals;
}

TEST(Night, KeepsThePublishedMix) {
  const Night night({.seconds = 600, .opens_per_s = 300, .users = 2000, .seed = 7});
  const Totals totals = count_steps(night, 0, night.sends());
  const auto sends = static_cast<double>(night.sends());
  const auto opens = static_cast<double>(totals.opens);
  EXPECT_NEAR(opens / sends, kOpensPerSend, 0.4);
  EXPECT_NEAR(static_cast<double>(totals.grabs) / opens, kGrabsPerOpen, 0.2);
  EXPECT_NEAR(static_cast<double>(totals.views) / opens, kViewsPerOpen, 0.2);
}

TEST(Night, EveryPacketIsWithinTheLimitsAndEveryStepWithinTheNight) {
  const Night night({.seconds = 20, .opens_per_s = 400, .users = 500, .seed = 3});
  std::vector<Step> steps;
  for (uint64_t k = 0; k < night.sends(); ++k) {
    const PacketPlan plan = night.packet(k);
    EXPECT_GE(plan.count, 1U);
    EXPECT_GE(plan.total, kShareLeast * plan.count);
    EXPECT_LE(plan.total, kShareGreatest * plan.count);
    EXPECT_EQ(plan.kind == PacketKind::kLucky, plan.rule != Rule::kEqual);
    EXPECT_TRUE(plan.kind != PacketKind::kExclusive || plan.count == 1);
    steps.clear();
    night.steps(k, plan, steps);
    std::set<uint32_t> openers;
    for (const Step& step : steps) {
      EXPECT_GE(step.at_us, plan.at_us);
      EXPECT_LE(step.at_us, 20'000'000);
      EXPECT_LT(step.user, 500U);
      EXPECT_TRUE(!step.opens || openers.insert(step.user).second) << "a user opens twice";
    }
    EXPECT_EQ(openers.size(), plan.openers);
  }
}

TEST(Night, HasEveryKindHotPacketsAndUnclaimedShares) {
  const Night night({.seconds = 60, .opens_per_s = 300, .users = 2000, .seed = 11});
  std::map<PacketKind, int> kinds;
  std::map<Rule, int> rules;
  int hot = 0;
  int unclaimed = 0;
  for (uint64_t k = 0; k < night.sends(); ++k) {
    const PacketPlan plan = night.packet(k);
    ++kinds[plan.kind];
    ++rules[plan.rule];
    hot += plan.hot;
    unclaimed += plan.openers < plan.count;
    EXPECT_TRUE(!plan.hot || plan.count >= kHotSharesLeast);
  }
  EXPECT_EQ(kinds.size(), 3U);
  EXPECT_EQ(rules.size(), 3U);
  EXPECT_GT(rules[Rule::kClassic], static_cast<int>(night.sends() / 2));
  EXPECT_GE(hot, 10);
  EXPECT_GE(unclaimed, static_cast<int>(night.sends() / 6));
}

TEST(Night, IsTheSameForTheSameSeedAndSendsInOrder) {
  const NightOptions options{.seconds = 10, .opens_per_s = 100, .users = 100, .seed = 5};
  const Night a(options);
  const Night b(options);
  for (uint64_t k = 0; k < 2 * a.sends(); ++k) {
    EXPECT_EQ(a.packet(k).total, b.packet(k).total);
    EXPECT_EQ(a.send_at_us(k), b.send_at_us(k));
    EXPECT_TRUE(k == 0 || a.send_at_us(k) >= a.send_at_us(k - 1));
  }
  EXPECT_GE(a.send_at_us(a.sends()), 10'000'000) << "the following night follows";
}

}  // namespace
}  // namespace hongbao::load
