// How a packet's money is split, written a second time from docs/FORMATS.md and with nothing of the product's
// but its types: the checker compares every share with it. Pure.
#pragma once

#include <vector>

#include "core/packet.h"

namespace hongbao::sim {

// The amounts of all shares of `order`, in fen, by seq.
std::vector<int64_t> reference_split(const Order& order);

}  // namespace hongbao::sim
