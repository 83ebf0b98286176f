#include "base/line_writer.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/thread.h"

namespace hongbao {
namespace {

constexpr std::chrono::milliseconds kFlushPoll{1};

std::string dropped_line(uint64_t count) {
  return fmt::format("{{\"at\":\"{}\",\"level\":\"warn\",\"event\":\"log_lines_dropped\",\"count\":{}}}\n",
                     to_rfc3339(SystemClock().now()), count);
}

}  // namespace

LineWriter& LineWriter::start(int descriptor, size_t bytes_max) {
  auto& writer = *new LineWriter(descriptor, bytes_max);  // never deleted
  writer.start_thread();
  return writer;
}

// A process that may have no more threads is not ended by its log; it is tried again with the next line.
void LineWriter::start_thread() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the thread takes nobody's signals
  try {
    std::thread([this] { run(); }).detach();
    started_ = true;
  } catch (const std::system_error&) {
    started_ = false;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LineWriter::add(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() + line.size() > bytes_max_) {
    ++dropped_;
    return;
  }
  waiting_ += line;
  if (!started_) {
    start_thread();
  }
  arrived_.notify_one();
}

bool LineWriter::flush(std::chrono::milliseconds at_most) {
  const auto give_up = std::chrono::steady_clock::now() + at_most;
  while (true) {
    // It is asked for at bad moments, so it waits for nothing, the lock included.
    if (const std::unique_lock lock(mutex_, std::try_to_lock); lock && waiting_.empty() && !writing_) {
      return true;
    }
    if (std::chrono::steady_clock::now() >= give_up) {
      return false;
    }
    std::this_thread::sleep_for(kFlushPoll);
  }
}

void LineWriter::run() {
  name_this_thread("log");
  std::string block;
  std::unique_lock lock(mutex_);
  while (true) {
    writing_ = false;
    arrived_.wait(lock, [this] { return !waiting_.empty(); });
    writing_ = true;
    block.clear();
    std::swap(block, waiting_);
    // Whatever was dropped came when these lines filled the queue, or before them.
    const uint64_t dropped = std::exchange(dropped_, 0);
    lock.unlock();
    if (dropped > 0) {
      block += dropped_line(dropped);
    }
    const std::string_view refused = write(block);
    lock.lock();
    if (!refused.empty()) {
      const auto lines = static_cast<uint64_t>(std::count(refused.begin(), refused.end(), '\n'));
      dropped_ += dropped > 0 ? dropped + lines - 1 : lines;
    }
  }
}

// What the descriptor refused. Waits as long as it takes nothing.
std::string_view LineWriter::write(std::string_view block) const {
  while (!block.empty()) {
    const ssize_t written = ::write(descriptor_, block.data(), block.size());
    if (written >= 0) {
      block.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {  // someone who shares it made it so
      pollfd ready{.fd = descriptor_, .events = POLLOUT, .revents = 0};
      (void)::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return block;
    }
  }
  return {};
}

}  // namespace hongbao
