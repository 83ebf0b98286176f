// The plan of a festival night: which packets are sent when, and who taps and looks at them when. It follows published
// figures: sends : opens = 1 : 8, grabs : opens = 20 : 1, views : opens = 10 : 1; small groups, and a hot packet now
// and then that hundreds of people tap at once; a quiet start, a rise, the peak right after midnight, a decay.
//
// Pure: a function of the options, so a night can be played again. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/money.h"
#include "core/packet.h"

namespace hongbao::load {

inline constexpr double kOpensPerSend = 8;
inline constexpr double kGrabsPerOpen = 20;
inline constexpr double kViewsPerOpen = 10;

inline constexpr double kMidnight = 0.60;  // as a fraction of the night
inline constexpr uint32_t kHotSharesLeast = 100;
inline constexpr uint32_t kHotSharesGreatest = 500;
inline constexpr uint32_t kUsersLeast = 20;
inline constexpr uint32_t kUsersMax = 1'000'000;

// Taps come in steps of this length, so that the generator wakes at most 2,000 times a second.
inline constexpr int64_t kScheduleStep_us = 500;

// Rate at `fraction` of the night relative to its mean.
double intensity(double fraction);
// The time, as a fraction of the night, at which `done` (0 to 1) of its work is done.
double time_of(double done);
// "23:40": the night begins at 20:00, and midnight is at kMidnight of it.
std::string hour_of_night(double fraction);

struct NightOptions {
  double seconds = 60;
  double opens_per_s = 300;  // mean
  uint32_t users = 2000;     // at least kUsersLeast
  uint64_t seed = 1;
};

// Users are numbers below NightOptions::users.
struct PacketPlan {
  int64_t at_us = 0;  // from the start of the night
  PacketKind kind = PacketKind::kLucky;
  Rule rule = Rule::kClassic;
  Money total;
  uint32_t count = 0;
  uint32_t sender = 0;
  uint32_t first_opener = 0;  // the openers are neighbours, `openers` of them; an exclusive packet's is its recipient
  uint32_t openers = 0;       // fewer than `count`: the packet will expire; more: some will be late
  bool hot = false;
};

enum class Op : uint8_t { kSend, kPay, kGrab, kOpen, kView, kViewShares };

struct Step {
  int64_t at_us = 0;  // from the start of the night
  Op op = Op::kSend;
  bool opens = false;     // a grab: whoever gets a ticket goes on to open
  uint16_t think_ms = 0;  // a grab that opens: the time from the tap on the packet to the tap on "open"
  uint32_t user = 0;
};

class Night {
 public:
  explicit Night(const NightOptions& options);

  // Packets sent in one night. Packets beyond them belong to the following nights, which have the same shape.
  [[nodiscard]] uint64_t sends() const { return sends_; }
  [[nodiscard]] int64_t send_at_us(uint64_t number) const;
  [[nodiscard]] PacketPlan packet(uint64_t number) const;
  // Everything that happens to the packet, its send first, otherwise in no order. All of it before the night ends.
  void steps(uint64_t number, const PacketPlan& plan, std::vector<Step>& out) const;

 private:
  [[nodiscard]] bool is_hot(uint64_t number) const;
  [[nodiscard]] int64_t night_end_us(uint64_t number) const;

  NightOptions options_;
  uint64_t sends_;
};

}  // namespace hongbao::load
