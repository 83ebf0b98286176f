// What is opened in one round: which packets there are, and who opens which in which order. The same for every system.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/money.h"

namespace hongbao::bench {

enum class Shape : uint8_t {
  kHot,     // everybody opens one packet; when it is exhausted, the next one
  kSpread,  // 1,000 packets in turn
};

struct Open {
  uint32_t packet = 0;
  uint32_t user = 0;
};

struct Workload {
  // `late`: opens after the last packet is exhausted, by users who are in nothing else.
  Workload(Shape shape, uint32_t opens, uint32_t late);

  std::vector<uint32_t> counts;  // shares of each packet
  std::vector<Open> opens;       // each gets a share
  std::vector<Open> late;        // none gets one
  uint32_t users = 0;

  [[nodiscard]] Money total(uint32_t packet) const { return kMean * counts[packet]; }
  static std::string user_name(uint32_t user);

 private:
  static constexpr Money kMean{100};
};

// What an open gave; read from an answer, after the clock has stopped.
struct Given {
  uint32_t seq = 0;  // 0: nothing
  Money amount;
};

// Empty when every share of every packet was given exactly once and the amounts sum up to the totals; else what is
// wrong. `given` belongs to workload.opens.
std::string find_error(const Workload& workload, const std::vector<Given>& given);

}  // namespace hongbao::bench
