#include "base/file_watch.h"

#include <sys/stat.h>

namespace hongbao {

std::vector<FileWatch::Stamp> FileWatch::look() const {
  std::vector<Stamp> stamps;
  for (const std::string& path : paths_) {
    struct stat file{};
    Stamp& stamp = stamps.emplace_back();
    if (::stat(path.c_str(), &file) == 0) {
      stamp = {file.st_dev, file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
    }
  }
  return stamps;
}

}  // namespace hongbao
