#include "adapters/sqlite/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace hongbao {
namespace {

constexpr size_t kRewriteBytes = 1024 * 1024;

// Closes itself.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// With the words of errno.
std::unexpected<Error> failed(const std::filesystem::path& path, const char* doing) {
  return fail(ErrorCode::kStorage, fmt::format("{} can't be {}: {}", path.string(), doing,
                                               std::error_code(errno, std::generic_category()).message()));
}

}  // namespace

Result<void> sync_directory(const std::filesystem::path& directory) {
  const Descriptor descriptor(directory, O_RDONLY | O_DIRECTORY);
  if (!descriptor.is_open() || ::fsync(descriptor.get()) != 0) {
    return failed(directory, "synced");
  }
  return {};
}

Result<void> sync_file(const std::filesystem::path& file) {
  const Descriptor descriptor(file, O_RDONLY);
  return descriptor.is_open() && ::fsync(descriptor.get()) == 0 ? Result<void>() : failed(file, "synced");
}

Result<void> write_durably(const std::filesystem::path& file, std::string_view text) {
  auto next = file;
  next += ".new";
  {
    const Descriptor descriptor(next, O_WRONLY | O_CREAT | O_TRUNC);
    if (!descriptor.is_open() ||
        ::write(descriptor.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(descriptor.get()) != 0) {
      return failed(next, "written");
    }
  }
  if (::rename(next.c_str(), file.c_str()) != 0) {
    return failed(file, "replaced");
  }
  return sync_directory(file.parent_path());
}

Result<void> rewrite_durably(const std::filesystem::path& file) {
  const Descriptor descriptor(file, O_RDWR);
  if (!descriptor.is_open()) {
    return errno == ENOENT ? Result<void>() : failed(file, "opened");
  }
  std::vector<char> bytes(kRewriteBytes);
  off_t offset = 0;
  while (true) {
    const ssize_t length = ::pread(descriptor.get(), bytes.data(), bytes.size(), offset);
    if (length < 0) {
      return failed(file, "read");
    }
    if (length == 0) {
      break;
    }
    if (::pwrite(descriptor.get(), bytes.data(), static_cast<size_t>(length), offset) != length) {
      return failed(file, "written");
    }
    offset += length;
  }
  return ::fsync(descriptor.get()) == 0 ? Result<void>() : failed(file, "synced");
}

}  // namespace hongbao
