#include "apps/ctl/replaced_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace hongbao {

Result<void> replace_file(const std::string& path, const std::string& text, mode_t mode) {
  const std::string new_path = path + ".new";
  ::unlink(new_path.c_str());
  const int file = ::open(new_path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
  const bool written =
      file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  const bool closed = file < 0 || ::close(file) == 0;
  if (written && closed && std::rename(new_path.c_str(), path.c_str()) == 0) {
    return {};
  }
  const int error = errno;
  ::unlink(new_path.c_str());
  return fail(ErrorCode::kConfig, fmt::format("cannot write {}: {}", path, std::generic_category().message(error)));
}

}  // namespace hongbao
