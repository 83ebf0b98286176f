// The functions that stand before the C library's: each asks whether the file is on the faulty disk. Any thread.
//
// SQLite in Debian writes through open64, pwrite64, ftruncate64, fdatasync, unlink and mkdir; libstdc++'s streams
// through fopen64, write and writev. The replay compares its own idea of every file with the real one, so a way to
// write that is missing here fails the test.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdarg>
#include <string>
#include <string_view>

#include "disk.h"
#include "real.h"

namespace faulty_disk {
namespace {

template <class Function>
void find(Function& function, const char* name) {
  function = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
  if (function == nullptr) {
    give_up("does not find", name);
  }
}

Real find_all() {
  Real all{};
  find(all.open, "open64");
  find(all.openat, "openat64");
  find(all.fopen, "fopen64");
  find(all.close, "close");
  find(all.closedir, "closedir");
  find(all.write, "write");
  find(all.writev, "writev");
  find(all.pwrite, "pwrite64");
  find(all.ftruncate, "ftruncate64");
  find(all.fsync, "fsync");
  find(all.fdatasync, "fdatasync");
  find(all.unlink, "unlink");
  find(all.rename, "rename");
  find(all.mkdir, "mkdir");
  find(all.mmap, "mmap64");
  return all;
}

std::string_view view(const void* data, size_t size) {
  return {static_cast<const char*>(data), size};
}

int open_any(const char* path, int flags, mode_t mode) {
  Disk& disk = Disk::instance();
  return disk.has(path) ? disk.open(path, flags, mode) : real().open(path, flags, mode);
}

int open_any_at(int directory, const char* path, int flags, mode_t mode) {
  return path[0] == '/' ? open_any(path, flags, mode) : real().openat(directory, path, flags, mode);
}

}  // namespace

const Real& real() {
  static const Real all = find_all();
  return all;
}

}  // namespace faulty_disk

using faulty_disk::Disk;
using faulty_disk::real;
using faulty_disk::view;

namespace {

// The mode that follows the flags, where there is one.
mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return faulty_disk::open_any(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return faulty_disk::open_any(path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return faulty_disk::open_any_at(directory, path, flags, mode);
}

int openat64(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return faulty_disk::open_any_at(directory, path, flags, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  Disk& disk = Disk::instance();
  return disk.has(path) ? disk.fopen(path, mode) : real().fopen(path, mode);
}

int close(int fd) {
  Disk& disk = Disk::instance();
  return disk.has(fd) ? disk.close(fd) : real().close(fd);
}

int closedir(DIR* directory) {
  const int fd = ::dirfd(directory);
  if (Disk& disk = Disk::instance(); disk.has(fd)) {
    disk.forget(fd);
  }
  return real().closedir(directory);
}

ssize_t write(int fd, const void* data, size_t size) {
  Disk& disk = Disk::instance();
  return disk.has(fd) ? disk.write(fd, view(data, size)) : real().write(fd, data, size);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  Disk& disk = Disk::instance();
  if (!disk.has(fd)) {
    return real().writev(fd, parts, count);
  }
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes += view(parts[i].iov_base, parts[i].iov_len);
  }
  return disk.write(fd, bytes);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  Disk& disk = Disk::instance();
  return disk.has(fd) ? disk.pwrite(fd, view(data, size), offset) : real().pwrite(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  return pwrite(fd, data, size, offset);
}

int ftruncate(int fd, off_t length) noexcept {
  Disk& disk = Disk::instance();
  return disk.has(fd) ? disk.ftruncate(fd, length) : real().ftruncate(fd, length);
}

int ftruncate64(int fd, off64_t length) noexcept {
  return ftruncate(fd, length);
}

int fsync(int fd) {
  Disk& disk = Disk::instance();
  return disk.has(fd) ? disk.sync(fd) : real().fsync(fd);
}

int fdatasync(int fd) {
  Disk& disk = Disk::instance();
  return disk.has(fd) ? disk.sync(fd) : real().fdatasync(fd);
}

int unlink(const char* path) noexcept {
  Disk& disk = Disk::instance();
  return disk.has(path) ? disk.unlink(path) : real().unlink(path);
}

int rename(const char* from, const char* to) noexcept {
  Disk& disk = Disk::instance();
  return disk.has(from) || disk.has(to) ? disk.rename(from, to) : real().rename(from, to);
}

int mkdir(const char* path, mode_t mode) noexcept {
  Disk& disk = Disk::instance();
  return disk.has(path) ? disk.mkdir(path, mode) : real().mkdir(path, mode);
}

void* mmap64(void* address, size_t length, int protection, int flags, int fd, off64_t offset) noexcept {
  if ((protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0 && fd >= 0 && Disk::instance().has(fd)) {
    faulty_disk::give_up("does not see writes to", "a mapped file");
  }
  return real().mmap(address, length, protection, flags, fd, offset);
}

}  // extern "C"
