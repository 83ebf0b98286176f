// Draws that anyone can verify. A packet's 32-byte seed comes from the operating system when it is sent; its commitment
// is shown at once, the seed when the packet is finished. Share k's random words are a keyed hash of k under the seed,
// so a draw repeated after a crash, or by an auditor, gives the same amount.
//
//   commitment = BLAKE2b-256(seed ‖ packet id as text)
//   words(k)   = BLAKE2b-256(key = seed, k as 8 bytes little-endian): bytes 0–7 are `draw`, bytes 8–15 `rounding`,
//                both little-endian; k counts from 1
//
// Any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/crypto.h"
#include "core/allocation.h"

namespace hongbao {

// Never logged, and shown to nobody before its packet is finished.
struct Seed {
  Key256 bytes{};
  friend bool operator==(const Seed&, const Seed&) = default;
};

// `packet_id`: as it is printed (core/packet_id.h).
Hash256 commitment(const Seed& seed, std::string_view packet_id);
// Of share `seq`, which counts from 1.
DrawWords draw_words(const Seed& seed, uint32_t seq);

}  // namespace hongbao
