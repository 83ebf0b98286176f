#include "journal.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "real.h"

namespace faulty_disk {

Journal::Journal(const std::string& path)
    : fd_(real().open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (fd_ < 0) {
    give_up("cannot open its journal", path);
  }
}

void Journal::append(Kind kind, uint64_t inode, uint64_t offset, std::string_view bytes) {
  Header header{static_cast<uint32_t>(bytes.size()), kind, {}, inode, offset};
  iovec parts[2] = {{&header, sizeof header}, {const_cast<char*>(bytes.data()), bytes.size()}};
  const auto whole = static_cast<ssize_t>(sizeof header + bytes.size());
  ssize_t written = 0;
  do {
    written = real().writev(fd_, parts, 2);
  } while (written < 0 && errno == EINTR);
  if (written != whole) {
    give_up("cannot write its journal", "");
  }
}

void give_up(const char* why, std::string_view about) {
  std::fprintf(stderr, "faulty_disk: %s %.*s\n", why, static_cast<int>(about.size()), about.data());
  std::abort();
}

}  // namespace faulty_disk
