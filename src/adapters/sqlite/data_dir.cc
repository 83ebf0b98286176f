#include "adapters/sqlite/data_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "adapters/sqlite/files.h"
#include "base/log.h"

namespace hongbao::sqlite {
namespace {

std::unexpected<Error> refuse(std::string detail) {
  return fail(ErrorCode::kConfig, std::move(detail), "data.dir");
}

std::string words(int error) {
  return std::error_code(error, std::generic_category()).message();
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
  const auto synced = sync_directory(parent);
  return synced || !made ? Result<void>() : refuse(synced.error().detail);
}

// "data/" names what "data" does. Nothing else is changed: "a/.." is not "." where a is a link.
std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  return path;
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

// What is in a data directory, and "lost+found" where it is a disk of its own.
bool belongs_here(const std::string& name) {
  constexpr std::array<std::string_view, 6> kNames{"LOCK", "MASTER_KEY_ID", "MASTER_KEY_ID.new",
                                                   "cold", "restoring",     "lost+found"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("replaced-") || name.ends_with(".db") ||
         name.find(".db-") != std::string::npos;
}

}  // namespace

void DataDir::close_to_others() const {
  size_t mended = 0;
  size_t open = 0;  // still
  std::string example;
  const auto close = [&](const std::filesystem::path& path, std::optional<mode_t> mode) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0 || (found.st_mode & 0077) == 0) {
      return;
    }
    ++(mode && ::chmod(path.c_str(), *mode) == 0 ? mended : open);
    example = example.empty() ? fmt::format("{} {:04o}", path.string(), found.st_mode & 07777) : example;
  };
  const auto root = std::filesystem::path(path_);
  for (const auto& directory : {root, root / "cold"}) {
    std::error_code error;
    if (!std::filesystem::is_directory(directory, error)) {
      continue;
    }
    bool is_shared = false;  // something else lies here as well: "/tmp" must not be closed
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
      if (!belongs_here(entry.path().filename().string())) {
        is_shared = true;
      } else if (entry.is_regular_file(error)) {
        close(entry.path(), 0600);
      }
    }
    close(directory, is_shared ? std::nullopt : std::optional<mode_t>(0700));
  }
  if (open > 0) {
    log_warn("data_is_open_to_others", {{"example", example}, {"paths", open}});
  } else if (mended > 0) {
    log_warn("data_was_open_to_others", {{"example", example}, {"mended", mended}});
  }
}

Result<DataDir> DataDir::lock(const std::string& path) {
  if (auto made = make_directory(without_slashes(path)); !made) {
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
  const auto written = write_durably(std::filesystem::path(path_) / name, text);
  return written ? written : refuse(written.error().detail);
}

Result<void> DataDir::sync() const {
  const auto synced = sync_directory(path_);
  return synced ? synced : refuse(synced.error().detail);
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

}  // namespace hongbao::sqlite
