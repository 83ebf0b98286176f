// Randomness that decides about money (seeds, nonces), as something that is passed in. Any thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/crypto.h"

namespace hongbao {

class Random {
 public:
  virtual ~Random() = default;
  // Every byte of `out`, independent and uniform. Never fails.
  virtual void fill(std::span<uint8_t> out) = 0;
};

// The operating system's CSPRNG.
class SystemRandom final : public Random {
 public:
  void fill(std::span<uint8_t> out) override { random_bytes(out); }
};

}  // namespace hongbao
