// Tells when files have become others, by what the file system says of them: which file it is, its size, and when it
// was written. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hongbao {

class FileWatch {
 public:
  // Knows them as they are now.
  explicit FileWatch(std::vector<std::string> paths) : paths_(std::move(paths)), seen_(look()) {}

  // Whether any has become another, or came or went, since this was last asked.
  bool has_changed() {
    auto now = look();
    const bool changed = now != seen_;
    seen_ = std::move(now);
    return changed;
  }

 private:
  struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t bytes = -1;  // there is none
    int64_t written_s = 0;
    int64_t written_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  [[nodiscard]] std::vector<Stamp> look() const;

  const std::vector<std::string> paths_;
  std::vector<Stamp> seen_;
};

}  // namespace hongbao
