// All chance of one run, from its seed: splitmix64 (Steele, Lea and Flood, 2014). One thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/random.h"

namespace hongbao::sim {

class Dice final : public Random {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t x = state_ += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
  // REQUIRES: bound ≥ 1.
  uint64_t below(uint64_t bound) { return next() % bound; }
  uint64_t between(uint64_t least, uint64_t most) { return least + below(most - least + 1); }
  bool one_in(uint64_t n) { return below(n) == 0; }

  void fill(std::span<uint8_t> out) override {
    for (uint8_t& byte : out) {
      byte = static_cast<uint8_t>(next());
    }
  }

 private:
  uint64_t state_;
};

}  // namespace hongbao::sim
