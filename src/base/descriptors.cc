#include "base/descriptors.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>

namespace hongbao {

bool guard_standard_descriptors() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) >= 0 || errno != EBADF) {
      continue;
    }
    // The lowest free number is this one, for those before it are open.
    if (::open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY) != number) {
      return false;
    }
  }
  return true;
}

uint64_t open_descriptors() {
  uint64_t count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    ++count;
  }
  return count > 0 ? count - 1 : 0;  // without the one that reads the directory
}

void forbid_core_dumps() {
  const rlimit none{};
  (void)::setrlimit(RLIMIT_CORE, &none);
}

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 0;
  }
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_max;
}

bool write_within(int descriptor, std::string_view text, std::chrono::milliseconds at_most) {
  using std::chrono::steady_clock;
  const auto give_up = steady_clock::now() + at_most;
  while (!text.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - steady_clock::now());
    pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
    const int found = ::poll(&ready, 1, std::max<int>(0, static_cast<int>(left.count())));
    if (found < 0 && errno == EINTR) {
      continue;
    }
    if (found <= 0) {
      return false;
    }
    // A pipe that is ready takes this much at once.
    const ssize_t written = ::write(descriptor, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
    if (written < 0 && errno != EINTR && errno != EAGAIN) {
      return false;
    }
    text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(0, written)));
  }
  return true;
}

}  // namespace hongbao
