// How a packet's money is split. Pure: remaining amount R, remaining count m and random words in, one share out. Drawn
// when a share is opened, never in advance. docs/FORMATS.md gives the rules and their proofs of bounds.
//
// Every rule keeps, for L·m ≤ R ≤ H·m: L ≤ share ≤ H, and the rest stays splittable: L·(m−1) ≤ R − share ≤ H·(m−1).
#pragma once

#include <cstdint>

#include "core/money.h"

namespace hongbao {

struct ShareBounds {
  Money least;
  Money greatest;
};

// Two independent uniform words; `draw` gives the amount, `rounding` decides a rounding where a rule needs one.
struct DrawWords {
  uint64_t draw = 0;
  uint64_t rounding = 0;
};

// REQUIRES for all: m ≥ 1, 1 ≤ least ≤ greatest, least·m ≤ remaining ≤ greatest·m.

// WeChat's rule: uniform below twice the mean, raised to the least. Favours the last opener when shares are a few fen.
Money classic_share(Money remaining, uint32_t count, ShareBounds bounds, uint64_t draw);

// Uniform around a mean that is exactly R/m at every position.
Money fair_share(Money remaining, uint32_t count, ShareBounds bounds, DrawWords words);

// R/m rounded down, one fen more for the first R mod m shares. `seq` counts from 1.
Money equal_share(Money total, uint32_t count, uint32_t seq);

}  // namespace hongbao
