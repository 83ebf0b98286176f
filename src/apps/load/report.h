// What a person sees of a run: progress while it goes on, a short table at its end, and the figures as JSON. One
// thread.
#pragma once

#include <cstdint>
#include <string>

#include "apps/load/options.h"
#include "apps/load/stats.h"
#include "apps/load/verify.h"
#include "base/clock.h"
#include "base/result.h"

namespace hongbao::load {

// One line that renews itself on a terminal; otherwise a line each few seconds.
class Progress {
 public:
  Progress(const NightOptions& night, bool wanted);

  // Tells what is being done now.
  void phase(const std::string& what);
  // Call some times a second.
  void night(SteadyTime start, const Stats& stats);

 private:
  void print(const std::string& line, bool renew);

  NightOptions night_;
  bool wanted_;
  bool terminal_;
  bool line_open_ = false;
  SteadyTime printed_at_{};
  Stats printed_;
};

struct Figures {
  Stats stats;
  Verdict verdict;
  uint64_t settled_vouchers = 0;  // by this run
  double seconds = 0;             // from the first request planned to the last answered
};

void print_result(const Figures& figures);
// For `check`.
void print_verdict(const Verdict& verdict);
Result<void> write_json(const Figures& figures, const Options& options);

}  // namespace hongbao::load
