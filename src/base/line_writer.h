// Lines on their way to a descriptor that may be slow, full, or read by nobody: callers put them into a bounded queue
// and go on, and one thread writes them. Lines beyond the bound, and lines that the descriptor refuses, are counted and
// told in a line of their own once lines go through again: {"event":"log_lines_dropped","count":N}.
//
// The thread may stand in write(2) for ever, so nobody waits for it longer than said, and it is never joined: a writer,
// once started, lives as long as the process. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace hongbao {

class LineWriter {
 public:
  // At most `bytes_max` wait; as many again are in the hands of the thread.
  static LineWriter& start(int descriptor, size_t bytes_max);

  // `line` has its end. Never waits.
  void add(std::string_view line);

  // Waits until all that was added is written, or refused; at most so long. False when it was too long.
  bool flush(std::chrono::milliseconds at_most);

 private:
  LineWriter(int descriptor, size_t bytes_max) : descriptor_(descriptor), bytes_max_(bytes_max) {}
  void start_thread();
  [[noreturn]] void run();
  [[nodiscard]] std::string_view write(std::string_view block) const;

  const int descriptor_;
  const size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::string waiting_;   // whole lines
  uint64_t dropped_ = 0;  // lines, not told yet
  bool writing_ = false;
  bool started_ = false;
};

}  // namespace hongbao
