#include "adapters/sqlite/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace hongbao::sqlite {
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

namespace {

// Reads `from` to its end, and writes it to `to` when that is open.
Result<FileSum> sum_and_copy(const std::filesystem::path& from, const Descriptor* to,
                             const std::filesystem::path& target) {
  const Descriptor source(from, O_RDONLY);
  if (!source.is_open()) {
    return failed(from, "opened");
  }
  FileSum sum;
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, sum.hash.size());
  std::vector<unsigned char> bytes(kRewriteBytes);
  while (true) {
    const ssize_t length = ::read(source.get(), bytes.data(), bytes.size());
    if (length < 0) {
      return failed(from, "read");
    }
    if (length == 0) {
      break;
    }
    if (to != nullptr && ::write(to->get(), bytes.data(), static_cast<size_t>(length)) != length) {
      return failed(target, "written");
    }
    crypto_generichash_update(&state, bytes.data(), static_cast<size_t>(length));
    sum.bytes += static_cast<uint64_t>(length);
  }
  crypto_generichash_final(&state, sum.hash.data(), sum.hash.size());
  return sum;
}

}  // namespace

Result<FileSum> sum_file(const std::filesystem::path& file) {
  return sum_and_copy(file, nullptr, {});
}

Result<FileSum> copy_synced(const std::filesystem::path& from, const std::filesystem::path& to) {
  const Descriptor target(to, O_WRONLY | O_CREAT | O_EXCL);
  if (!target.is_open()) {
    return failed(to, "made");
  }
  auto sum = sum_and_copy(from, &target, to);
  return sum && ::fsync(target.get()) != 0 ? Result<FileSum>(failed(to, "synced")) : sum;
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

}  // namespace hongbao::sqlite
