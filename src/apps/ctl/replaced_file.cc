#include "apps/ctl/replaced_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace hongbao {

NextFile::~NextFile() {
  if (file_ >= 0) {
    ::close(file_);
    ::unlink(next_.c_str());
  }
}

std::unexpected<Error> NextFile::refuse() const {
  return fail(ErrorCode::kConfig,
              fmt::format("cannot be written: {}: {}", next_, std::generic_category().message(errno)));
}

Result<void> NextFile::begin() {
  file_ = ::open(next_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode_);
  if (file_ < 0 && errno == EEXIST) {
    return fail(ErrorCode::kConfig,
                fmt::format("is being changed by another hongbaoctl; if there is none, remove {}", next_));
  }
  return file_ < 0 ? refuse() : Result<void>();
}

Result<void> NextFile::put(const std::string& text) {
  struct stat old{};
  const bool had_owner = ::stat(path_.c_str(), &old) == 0;  // the server may be another user
  const bool written =
      (!had_owner ||
       (::fchown(file_, old.st_uid, old.st_gid) == 0 && ::fchmod(file_, old.st_mode & ACCESSPERMS) == 0)) &&
      ::write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file_) == 0;
  if (!written || std::rename(next_.c_str(), path_.c_str()) != 0) {
    return refuse();
  }
  ::close(std::exchange(file_, -1));
  return {};
}

Result<void> replace_file(const std::string& path, const std::string& text, mode_t mode) {
  NextFile next(path, mode);
  auto begun = next.begin();
  return begun ? next.put(text) : begun;
}

}  // namespace hongbao
