#include "apps/load/night.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/load/dice.h"
#include "base/check.h"
#include "core/limits.h"

namespace hongbao::load {
namespace {

// The shape: straight lines between these points, drawn so that their mean is near 1; kArea makes it exact.
struct ShapePoint {
  double at;
  double rate;
};
constexpr std::array<ShapePoint, 8> kShape{
    {{0, 0.45}, {0.35, 0.72}, {0.55, 1.1}, {kMidnight, 1.5}, {kMidnight, 2.5}, {0.70, 2.5}, {0.80, 0.9}, {1, 0.4}}};

constexpr double area_between(size_t i) {
  return (kShape[i + 1].at - kShape[i].at) * (kShape[i + 1].rate + kShape[i].rate) / 2;
}
constexpr double area() {
  double sum = 0;
  for (size_t i = 0; i + 1 < kShape.size(); ++i) {
    sum += area_between(i);
  }
  return sum;
}
constexpr double kArea = area();

constexpr uint64_t kHotEvery = 128;         // one packet in so many is hot
constexpr uint64_t kSendsForHotLeast = 40;  // a shorter night has no hot packet
constexpr uint32_t kSmallSharesGreatest = 20;
constexpr double kExclusiveChance = 0.04;
constexpr double kEqualChance = 0.16;
constexpr double kFairChance = 0.15;
constexpr double kUnclaimedChance = 0.25;  // a packet with more shares than takers
constexpr Money kMeanShareGreatest{2'000};

constexpr int64_t kPayAfter_us = 40'000;
constexpr int64_t kSeenAfter_us = 150'000;  // when the group sees a packet
constexpr uint32_t kThinkLeast_ms = 80;
constexpr uint32_t kThinkGreatest_ms = 400;
constexpr double kTapsLast = 0.03;  // of the night; bounded by the next two
constexpr double kTapsLeast_s = 0.2;
constexpr double kTapsGreatest_s = 2;

// Streams of Dice for one packet.
enum Stream : uint64_t { kPlanStream = 0, kTimeStream = 1, kStepStream = 2 };
Dice dice_for(uint64_t seed, uint64_t number, Stream stream) {
  return {seed, number * 4 + stream};
}

uint32_t lesser_of_two(Dice& dice, uint32_t least, uint32_t greatest) {
  return std::min(dice.between(least, greatest), dice.between(least, greatest));
}

void choose_kind(PacketPlan& plan, Dice& dice) {
  const double u = dice.unit();
  if (!plan.hot && u < kExclusiveChance) {
    plan.kind = PacketKind::kExclusive;
    plan.rule = Rule::kEqual;
  } else if (u < kExclusiveChance + kEqualChance) {
    plan.kind = PacketKind::kEqual;
    plan.rule = Rule::kEqual;
  } else if (u < kExclusiveChance + kEqualChance + kFairChance) {
    plan.rule = Rule::kFair;
  }
}

void choose_takers(PacketPlan& plan, Dice& dice, uint32_t users) {
  if (plan.kind == PacketKind::kExclusive) {
    plan.count = 1;
    plan.openers = dice.chance(kUnclaimedChance) ? 0 : 1;
    return;
  }
  const uint32_t shares = plan.hot ? lesser_of_two(dice, kHotSharesLeast, kHotSharesGreatest)
                                   : lesser_of_two(dice, 1, kSmallSharesGreatest);
  plan.count = std::min(shares, users * 3 / 4);
  if (!plan.hot && dice.chance(kUnclaimedChance)) {
    plan.openers = static_cast<uint32_t>(plan.count * (0.3 + 0.6 * dice.unit()));
  } else {
    plan.openers = plan.count + dice.between(0, 1 + plan.count / 8);
  }
  plan.openers = std::min(plan.openers, users - 1);
}

}  // namespace

double intensity(double fraction) {
  for (size_t i = kShape.size() - 1; i > 0; --i) {
    const ShapePoint a = kShape[i - 1];
    const ShapePoint b = kShape[i];
    if (fraction >= a.at && b.at > a.at) {
      const double rate = a.rate + (b.rate - a.rate) * (std::min(fraction, b.at) - a.at) / (b.at - a.at);
      return rate / kArea;
    }
  }
  return kShape.front().rate / kArea;
}

double time_of(double done) {
  double left = std::clamp(done, 0.0, 1.0) * kArea;
  for (size_t i = 0; i + 1 < kShape.size(); ++i) {
    const double here = area_between(i);
    if (left > here) {
      left -= here;
      continue;
    }
    if (here == 0) {
      continue;
    }
    // Solves a.rate·x + slope·x²/2 = left for x, in the form that also holds for slope 0.
    const ShapePoint a = kShape[i];
    const double slope = (kShape[i + 1].rate - a.rate) / (kShape[i + 1].at - a.at);
    return a.at + 2 * left / (a.rate + std::sqrt(std::max(0.0, a.rate * a.rate + 2 * slope * left)));
  }
  return 1;
}

std::string hour_of_night(double fraction) {
  const auto minutes = static_cast<int>(20 * 60 + fraction / kMidnight * 4 * 60);
  return fmt::format("{:02}:{:02}", minutes / 60 % 24, minutes % 60);
}

Night::Night(const NightOptions& options)
    : options_(options),
      sends_(std::max<uint64_t>(
          1, static_cast<uint64_t>(std::llround(options.seconds * options.opens_per_s / kOpensPerSend)))) {
  CHECK(options.users >= kUsersLeast);
}

bool Night::is_hot(uint64_t number) const {
  // The first one comes at midnight's rush when the night is short.
  const uint64_t first = std::min(kHotEvery / 2, sends_ / 2);
  return sends_ >= kSendsForHotLeast && number % sends_ % kHotEvery == first;
}

int64_t Night::night_end_us(uint64_t number) const {
  const uint64_t nights = number / sends_ + 1;
  return static_cast<int64_t>(static_cast<double>(nights) * options_.seconds * 1e6);
}

int64_t Night::send_at_us(uint64_t number) const {
  Dice dice = dice_for(options_.seed, number, kTimeStream);
  const double done = (static_cast<double>(number % sends_) + dice.unit()) / static_cast<double>(sends_);
  const uint64_t nights_before = number / sends_;
  const double nights = static_cast<double>(nights_before) + time_of(done);
  return static_cast<int64_t>(nights * options_.seconds * 1e6) / kScheduleStep_us * kScheduleStep_us;
}

PacketPlan Night::packet(uint64_t number) const {
  Dice dice = dice_for(options_.seed, number, kPlanStream);
  PacketPlan plan;
  plan.at_us = send_at_us(number);
  plan.hot = is_hot(number);
  choose_kind(plan, dice);
  choose_takers(plan, dice, options_.users);
  // Log-uniform mean share: many packets of a few fen, where the rules are at their bounds.
  const double mean_fen = std::exp(dice.unit() * std::log(kMeanShareGreatest.fen()));
  const auto total_fen = static_cast<int64_t>(mean_fen * plan.count) + dice.between(0, plan.count - 1);
  plan.total = std::clamp(Money(total_fen), kShareLeast * plan.count, kShareGreatest * plan.count);
  plan.sender = dice.between(0, options_.users - 1);
  plan.first_opener = (plan.sender + 1) % options_.users;
  return plan;
}

void Night::steps(uint64_t number, const PacketPlan& plan, std::vector<Step>& out) const {
  Dice dice = dice_for(options_.seed, number, kStepStream);
  const double taps_us = std::clamp(options_.seconds * kTapsLast, kTapsLeast_s, kTapsGreatest_s) * 1e6;
  const int64_t end_us = night_end_us(number);
  const auto at = [&](double after_us) {
    const int64_t us = plan.at_us + static_cast<int64_t>(after_us);
    return std::max(plan.at_us, std::min(us, end_us) / kScheduleStep_us * kScheduleStep_us);
  };
  const auto opener = [&](uint32_t i) { return (plan.first_opener + i) % options_.users; };

  out.push_back({plan.at_us, Op::kSend, false, 0, plan.sender});
  out.push_back({at(kPayAfter_us), Op::kPay, false, 0, plan.sender});
  for (uint32_t i = 0; i < plan.openers; ++i) {
    // Most tap at once, and all of a hot packet's within a quarter of the time.
    const double u = dice.unit();
    const double after = kSeenAfter_us + (plan.hot ? u / 4 : u * u) * taps_us;
    const auto think = static_cast<uint16_t>(dice.between(kThinkLeast_ms, kThinkGreatest_ms));
    out.push_back({at(after), Op::kGrab, true, think, opener(i)});
  }
  const uint32_t opens = std::min(plan.openers, plan.count);
  const auto grabs = static_cast<uint32_t>(opens * kGrabsPerOpen);
  for (uint32_t i = plan.openers; i < grabs; ++i) {
    // Late comers and people who tap again.
    const uint32_t user =
        dice.chance(0.5) ? opener(dice.between(0, plan.openers - 1)) : dice.between(0, options_.users - 1);
    out.push_back({at(kSeenAfter_us + dice.unit() * 2 * taps_us), Op::kGrab, false, 0, user});
  }
  const auto views = static_cast<uint32_t>(opens * kViewsPerOpen);
  for (uint32_t i = 0; i < views; ++i) {
    const Op op = dice.chance(0.25) ? Op::kViewShares : Op::kView;
    // Before they have opened, takers may not see the shares yet; the sender always may.
    const bool by_sender = dice.chance(0.1) || op == Op::kViewShares;
    const uint32_t user = by_sender ? plan.sender : opener(dice.between(0, plan.openers - 1));
    out.push_back({at(kSeenAfter_us + dice.unit() * 3 * taps_us), op, false, 0, user});
  }
}

}  // namespace hongbao::load
