// Everything that happens in a run, as a running hash (FNV-1a): two runs of one seed must end with the same one. With
// `trace` each event is printed as well. One thread.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string_view>

namespace hongbao::sim {

class History {
 public:
  explicit History(bool trace) : trace_(trace) {}

  void note(std::string_view what, uint64_t a = 0, uint64_t b = 0) {
    for (const char c : what) {
      mix(static_cast<unsigned char>(c));
    }
    mix(a);
    mix(b);
    ++events_;
    if (trace_) {
      fmt::print("{:6} {} {} {}\n", events_, what, a, b);
      std::fflush(stdout);  // a CHECK may end the process with the next event
    }
  }

  [[nodiscard]] uint64_t hash() const { return hash_; }

 private:
  void mix(uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3ULL; }

  const bool trace_;
  uint64_t hash_ = 0xcbf29ce484222325ULL;
  uint64_t events_ = 0;
};

}  // namespace hongbao::sim
