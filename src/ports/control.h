// What operators set at run time, the same on every node: where new orders go, and switches that take a function away.
// Threads: any; reads are cheap enough for every request.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>

#include "base/result.h"
#include "core/ids.h"

namespace hongbao {

// Shares of new orders by region; 0 to 100 each, not all 0.
using TrafficWeights = std::map<Region, uint32_t>;
inline constexpr uint32_t kWeightMax = 100;

inline bool is_valid(const TrafficWeights& weights) {
  const bool in_range = std::ranges::all_of(weights, [](const auto& entry) { return entry.second <= kWeightMax; });
  return in_range && std::ranges::any_of(weights, [](const auto& entry) { return entry.second > 0; });
}

enum class Switch : uint8_t {
  kSends,       // new packets are accepted
  kGrabs,       //
  kOpens,       //
  kDeepLists,   // lists go beyond their second page
  kSettlement,  // vouchers are settled (off: they wait in the log)
};
inline constexpr int kSwitches = 5;

constexpr std::string_view to_text(Switch which) {
  constexpr std::array<std::string_view, kSwitches> names{"sends", "grabs", "opens", "deep_lists", "settlement"};
  return names[static_cast<size_t>(which)];
}

class Control {
 public:
  virtual ~Control() = default;

  [[nodiscard]] virtual bool is_on(Switch which) const = 0;  // all are on at first
  // kUnavailable: it may or may not be set; set it again.
  virtual Result<void> set(Switch which, bool on) = 0;
  [[nodiscard]] virtual TrafficWeights traffic() const = 0;
  // REQUIRES: valid weights.
  virtual Result<void> set_traffic(const TrafficWeights& weights) = 0;
};

}  // namespace hongbao
