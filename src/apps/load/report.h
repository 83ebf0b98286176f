// What a person sees of a run: progress while it goes on, a short table at its end, and the figures as JSON. One
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

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

// The figures' file. It is opened before the run, so that a path that can't be written costs no night.
class FiguresFile {
 public:
  // An empty path writes nowhere. kConfig.
  static Result<FiguresFile> open(const std::string& path);
  FiguresFile(FiguresFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FiguresFile& operator=(FiguresFile&&) = delete;
  ~FiguresFile();

  // In place of what the file had.
  [[nodiscard]] Result<void> write(const Figures& figures, const Options& options) const;

 private:
  explicit FiguresFile(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace hongbao::load
