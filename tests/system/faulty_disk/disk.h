// The disk: it lets every call through to the page cache, writes it down in the journal, and decides which syncs are
// slow, lie, fail, or are the last thing the process does. One object a process, made by the first call.
//
// A sync never reaches the real disk: durable is what the journal says. Each call and its record are one step under one
// lock, so that the order of the journal is the order of the calls.
//
// Any thread.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "journal.h"
#include "options.h"

namespace faulty_disk {

class Disk {
 public:
  static Disk& instance();

  // Whether calls for this descriptor or path are the disk's; everything else takes the short way.
  [[nodiscard]] bool has(int fd) const { return fd >= 0 && fd < kDescriptorsMax && files_[fd].load().inode != 0; }
  [[nodiscard]] bool has(const char* path) const { return relative(path).has_value(); }

  // As the C library's functions of these names, for what the disk `has`.
  int open(const char* path, int flags, mode_t mode);
  FILE* fopen(const char* path, const char* mode);
  int close(int fd);
  void forget(int fd);  // something else closes it
  ssize_t write(int fd, std::string_view bytes);
  ssize_t pwrite(int fd, std::string_view bytes, off_t offset);
  int ftruncate(int fd, off_t length);
  int sync(int fd);
  int unlink(const char* path);
  int rename(const char* from, const char* to);
  int mkdir(const char* path, mode_t mode);

 private:
  struct OpenFile {
    uint64_t inode : 62 = 0;
    uint64_t is_directory : 1 = 0;
    uint64_t is_database : 1 = 0;  // not its log: written by checkpoints only
  };
  static_assert(std::atomic<OpenFile>::is_always_lock_free);
  static constexpr int kDescriptorsMax = 1 << 16;

  explicit Disk(Options options);
  // The path below the root, empty for the root itself; nothing when it is elsewhere, or a WAL index, which is memory
  // and rebuilt at start.
  [[nodiscard]] std::optional<std::string> relative(const char* path) const;
  void remember(int fd, const std::string& path, bool created);
  void count_page(const OpenFile& file);
  bool fails(const OpenFile& file);
  uint64_t roll(uint64_t sides);
  [[noreturn]] static void die();

  const Options options_;
  std::mutex mutex_;
  Journal journal_;
  std::mt19937_64 dice_;
  uint64_t pages_ = 0;
  std::array<std::atomic<OpenFile>, kDescriptorsMax> files_{};
};

}  // namespace faulty_disk
