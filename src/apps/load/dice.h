// Random numbers that are the same on every platform for the same seed: splitmix64 (Steele, Lea and Flood, 2014). Not
// for money; a plan of a night only. A value; one thread.
#pragma once

#include <cstdint>

namespace hongbao::load {

class Dice {
 public:
  // Two streams of one seed don't resemble each other.
  Dice(uint64_t seed, uint64_t stream) : state_(mix(seed) ^ stream * 0xd1342543de82ef95ULL) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    return mix(state_);
  }
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Uniform in [least, greatest]. REQUIRES: least ≤ greatest.
  uint32_t between(uint32_t least, uint32_t greatest) {
    return least + static_cast<uint32_t>((next() >> 32) * (uint64_t{greatest} - least + 1) >> 32);
  }
  bool chance(double probability) { return unit() < probability; }

 private:
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }

  uint64_t state_;
};

}  // namespace hongbao::load
