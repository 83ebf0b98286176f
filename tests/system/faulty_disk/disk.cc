#include "disk.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "real.h"

namespace faulty_disk {
namespace {

bool exists(const char* path) {
  struct stat seen{};
  return ::stat(path, &seen) == 0;
}

}  // namespace

Disk& Disk::instance() {
  static Disk* disk = new Disk(Options::from_environment());  // lives until the process ends
  return *disk;
}

Disk::Disk(Options options) : options_(std::move(options)), journal_(options_.journal), dice_(options_.seed) {
  if (!options_.root.starts_with('/')) {
    give_up("needs an absolute FAULTY_DISK_ROOT, not", options_.root);
  }
}

std::optional<std::string> Disk::relative(const char* path) const {
  const std::string_view whole(path);
  if (!whole.starts_with(options_.root)) {
    return std::nullopt;
  }
  if (whole.size() == options_.root.size()) {
    return std::string();
  }
  if (whole[options_.root.size()] != '/') {
    return std::nullopt;
  }
  const std::string_view below = whole.substr(options_.root.size() + 1);
  if (below.ends_with("-shm")) {
    return std::nullopt;
  }
  if (below.find("..") != std::string_view::npos || below.find("//") != std::string_view::npos) {
    give_up("needs plain paths, not", whole);
  }
  return std::string(below);
}

int Disk::open(const char* path, int flags, mode_t mode) {
  const std::string below = *relative(path);
  const std::lock_guard lock(mutex_);
  const bool creates = (flags & O_CREAT) != 0 && !exists(path);
  const int fd = real().open(path, flags, mode);
  if (fd >= 0) {
    remember(fd, below, creates);
    if ((flags & O_TRUNC) != 0 && !creates) {
      journal_.append(Kind::kTruncated, files_[fd].load().inode, 0, {});
    }
  }
  return fd;
}

FILE* Disk::fopen(const char* path, const char* mode) {
  const std::string below = *relative(path);
  const std::lock_guard lock(mutex_);
  const bool creates = !exists(path);
  FILE* file = real().fopen(path, mode);
  if (file != nullptr) {
    remember(fileno(file), below, creates);
    if (mode[0] == 'w' && !creates) {
      journal_.append(Kind::kTruncated, files_[fileno(file)].load().inode, 0, {});
    }
  }
  return file;
}

void Disk::remember(int fd, const std::string& path, bool created) {
  struct stat seen{};
  if (fd >= kDescriptorsMax || ::fstat(fd, &seen) != 0) {
    give_up("cannot follow", path);
  }
  files_[fd].store(OpenFile{seen.st_ino, S_ISDIR(seen.st_mode), path.ends_with(".db")});
  journal_.append(created ? Kind::kCreated : Kind::kOpened, seen.st_ino, 0, path);
}

int Disk::close(int fd) {
  const std::lock_guard lock(mutex_);
  files_[fd].store({});
  return real().close(fd);
}

void Disk::forget(int fd) {
  const std::lock_guard lock(mutex_);
  files_[fd].store({});
}

ssize_t Disk::write(int fd, std::string_view bytes) {
  struct stat seen{};
  const bool appends = (::fcntl(fd, F_GETFL) & O_APPEND) != 0;
  const off_t offset = appends ? (::fstat(fd, &seen), seen.st_size) : ::lseek(fd, 0, SEEK_CUR);
  const ssize_t written = pwrite(fd, bytes, offset);
  if (written > 0) {
    ::lseek(fd, offset + written, SEEK_SET);
  }
  return written;
}

ssize_t Disk::pwrite(int fd, std::string_view bytes, off_t offset) {
  const OpenFile file = files_[fd].load();
  const std::lock_guard lock(mutex_);
  count_page(file);
  const ssize_t written = real().pwrite(fd, bytes.data(), bytes.size(), offset);
  if (written > 0) {
    journal_.append(Kind::kWritten, file.inode, static_cast<uint64_t>(offset),
                    bytes.substr(0, static_cast<size_t>(written)));
  }
  return written;
}

int Disk::ftruncate(int fd, off_t length) {
  const std::lock_guard lock(mutex_);
  const int result = real().ftruncate(fd, length);
  if (result == 0) {
    journal_.append(Kind::kTruncated, files_[fd].load().inode, static_cast<uint64_t>(length), {});
  }
  return result;
}

int Disk::sync(int fd) {
  const OpenFile file = files_[fd].load();
  std::chrono::microseconds takes{};
  {
    const std::lock_guard lock(mutex_);
    takes = std::chrono::microseconds(roll(options_.sync_us_max + 1));
  }
  if (takes.count() > 0) {
    std::this_thread::sleep_for(takes);
  }
  const std::lock_guard lock(mutex_);
  if (fails(file)) {
    journal_.append(Kind::kSyncFailed, file.inode, 0, {});
    if (options_.die_of_failure) {
      die();
    }
    errno = EIO;
    return -1;
  }
  if (!options_.lies) {
    journal_.append(Kind::kSynced, file.inode, 0, {});
  }
  return 0;
}

int Disk::unlink(const char* path) {
  const std::string below = *relative(path);
  const std::lock_guard lock(mutex_);
  const int result = real().unlink(path);
  if (result == 0) {
    journal_.append(Kind::kRemoved, 0, 0, below);
  }
  return result;
}

int Disk::rename(const char* from, const char* to) {
  const auto before = relative(from);
  const auto after = relative(to);
  if (!before || !after) {
    give_up("cannot follow a file that comes or goes:", from);
  }
  const std::lock_guard lock(mutex_);
  const int result = real().rename(from, to);
  if (result == 0) {
    journal_.append(Kind::kRenamed, 0, 0, *before + '\0' + *after);
  }
  return result;
}

int Disk::mkdir(const char* path, mode_t mode) {
  const std::string below = *relative(path);
  const std::lock_guard lock(mutex_);
  const int result = real().mkdir(path, mode);
  struct stat seen{};
  if (result == 0 && ::stat(path, &seen) == 0) {
    journal_.append(Kind::kMadeDir, seen.st_ino, 0, below);
  }
  return result;
}

void Disk::count_page(const OpenFile& file) {
  if (file.is_database && ++pages_ == options_.die_at_page) {
    die();
  }
}

// Directories are spared: a file system that can't write its own structure stops altogether.
bool Disk::fails(const OpenFile& file) {
  return options_.fail_one_in > 0 && !file.is_directory && (file.is_database || !options_.fail_databases) &&
         roll(options_.fail_one_in) == 0;
}

uint64_t Disk::roll(uint64_t sides) {
  return std::uniform_int_distribution<uint64_t>(0, sides - 1)(dice_);
}

void Disk::die() {
  ::kill(::getpid(), SIGKILL);
  while (true) {
    ::pause();
  }
}

}  // namespace faulty_disk
