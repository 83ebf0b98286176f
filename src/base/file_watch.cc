#include "base/file_watch.h"

#include <sys/stat.h>

namespace hongbao {
namespace {

constexpr int64_t kSecond_ns = 1'000'000'000;

int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kSecond_ns + time.tv_nsec;
}

}  // namespace

bool FileWatch::is_to_be_read() {
  auto now = look();
  has_changed_ = now != seen_;
  seen_ = std::move(now);
  return has_changed_ || !is_settled_;
}

std::vector<FileWatch::Stamp> FileWatch::look() const {
  std::vector<Stamp> stamps;
  for (const std::string& path : paths_) {
    struct stat file{};
    Stamp& stamp = stamps.emplace_back();
    if (::stat(path.c_str(), &file) == 0) {
      stamp = {file.st_dev, file.st_ino, file.st_size, nanoseconds(file.st_mtim), nanoseconds(file.st_ctim)};
    }
  }
  return stamps;
}

}  // namespace hongbao
