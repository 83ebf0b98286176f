#include "adapters/sqlite/data_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace hongbao {
namespace {

std::unexpected<Error> refuse(std::string detail) {
  return fail(ErrorCode::kConfig, std::move(detail), "data.dir");
}

std::string words(int error) {
  return std::error_code(error, std::generic_category()).message();
}

// Closes itself.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// The directory's entries reach the disk. False with errno.
bool sync_directory(const std::filesystem::path& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.get() >= 0 && ::fsync(directory.get()) == 0;
}

// A directory that is made is synced into its parent. Parents may be anyone's; the last part is ours alone.
Result<void> make_directory(const std::filesystem::path& path, mode_t mode = 0700) {
  const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code error;
  if (!std::filesystem::exists(parent, error)) {
    if (auto made = make_directory(parent, 0777); !made) {
      return made;
    }
  }
  const bool made = ::mkdir(path.c_str(), mode) == 0;
  if (!made && errno != EEXIST) {
    return refuse(fmt::format("the data directory {} can't be made: {}", path.string(), words(errno)));
  }
  // One that is there may have been made by a process that died before it came to this; its parent may be unreadable.
  if (!sync_directory(parent) && made) {
    return refuse(fmt::format("{} can't be synced: {}", parent.string(), words(errno)));
  }
  return {};
}

bool write_and_sync(const std::string& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  return file.get() >= 0 && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
         ::fsync(file.get()) == 0;
}

std::string read_pid(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t length = ::pread(descriptor, text.data(), text.size(), 0);
  std::string pid(text.data(), length > 0 ? static_cast<size_t>(length) : 0);
  pid.erase(pid.find_last_not_of(" \n") + 1);
  return pid.empty() ? "unknown" : pid;
}

bool write_pid(int descriptor) {
  const std::string text = fmt::format("{}\n", ::getpid());
  return ::ftruncate(descriptor, 0) == 0 &&
         ::pwrite(descriptor, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

}  // namespace

Result<DataDir> DataDir::lock(const std::string& path) {
  auto directory_path = std::filesystem::path(path).lexically_normal();
  if (!directory_path.has_filename()) {  // "data/"
    directory_path = directory_path.parent_path();
  }
  if (auto made = make_directory(directory_path); !made) {
    return std::unexpected(made.error());
  }
  const std::string file = path + "/LOCK";
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return refuse(fmt::format("{} can't be opened: {}", file, words(errno)));
  }
  DataDir directory(path, descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return refuse(fmt::format("{} can't be locked: {}", file, words(errno)));
    }
    return refuse(fmt::format("another hongbaod (pid {}) uses the data directory {}; stop it or name another directory",
                              read_pid(descriptor), path));
  }
  if (!write_pid(descriptor)) {
    return refuse(fmt::format("{} can't be written: {}", file, words(errno)));
  }
  return directory;
}

Result<void> DataDir::write_file(std::string_view name, std::string_view text) const {
  const std::string file = fmt::format("{}/{}", path_, name);
  const std::string next = file + ".new";
  if (!write_and_sync(next, text) || ::rename(next.c_str(), file.c_str()) != 0) {
    return refuse(fmt::format("{} can't be written: {}", file, words(errno)));
  }
  return sync();
}

Result<void> DataDir::sync() const {
  return sync_directory(path_) ? Result<void>() : refuse(fmt::format("{} can't be synced: {}", path_, words(errno)));
}

DataDir::DataDir(DataDir&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

DataDir& DataDir::operator=(DataDir&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DataDir::~DataDir() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

}  // namespace hongbao
