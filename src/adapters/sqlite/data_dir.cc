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

// Parents may be anyone's; the last part is ours alone.
Result<void> make_directory(const std::string& path) {
  std::error_code error;
  const auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) {
    std::filesystem::create_directories(parent, error);
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return refuse(fmt::format("the data directory {} can't be made: {}", path, words(errno)));
  }
  return {};
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
  if (auto made = make_directory(path); !made) {
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
