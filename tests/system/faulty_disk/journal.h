// The journal of everything a process did to its disk, in order: what a power cut would find is worked out from it by
// tests/system/powercut.py. A record is a Header and `length` bytes. A process that is killed may leave the last record
// incomplete.
//
// Files are named by inode; kOpened says which path an inode had. Paths are relative to the disk's root. Not safe for
// threads: the disk holds a lock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace faulty_disk {

enum class Kind : uint8_t {
  kOpened = 1,      // inode; path
  kCreated = 2,     // inode; path of a file that was not there before, open
  kMadeDir = 3,     // inode; path
  kRemoved = 4,     // path of a file
  kRenamed = 5,     // old path, NUL, new path
  kWritten = 6,     // inode, offset; the bytes
  kTruncated = 7,   // inode, offset: the new length
  kSynced = 8,      // inode of a file or a directory: all before it is durable
  kSyncFailed = 9,  // inode of a file: what was written before it is or is not durable, and nobody will try again
};

struct Header {
  uint32_t length;
  Kind kind;
  uint8_t unused[3];
  uint64_t inode;
  uint64_t offset;
};
static_assert(sizeof(Header) == 24);

class Journal {
 public:
  // Appends; the process ends when that is not possible.
  explicit Journal(const std::string& path);
  void append(Kind kind, uint64_t inode, uint64_t offset, std::string_view bytes);

 private:
  int fd_;
};

// Ends the process with a line on standard error: the disk can't show what was asked of it.
[[noreturn]] void give_up(const char* why, std::string_view about);

}  // namespace faulty_disk
