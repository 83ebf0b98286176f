// Tells when files that are in use are to be read again: by what the file system says of them, which file it is, its
// size, and when it was written. A file that could not be taken is read again and again, and one that has just changed
// once more: whoever writes while it is read, within one tick of the file system's clock, leaves no other sign. One
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hongbao {

class FileWatch {
 public:
  // They are read now, or were just before.
  explicit FileWatch(std::vector<std::string> paths) : paths_(std::move(paths)), seen_(look()) {}

  // Looks at them.
  [[nodiscard]] bool is_to_be_read();
  // They were, and could be taken or not. Returns whether they could, and could not before or were others then.
  bool was_read(bool is_good) {
    const bool is_news = is_good && (has_changed_ || !was_good_);
    was_good_ = is_good;
    is_settled_ = is_good && !has_changed_;
    return is_news;
  }

 private:
  struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t bytes = -1;  // there is none
    int64_t written_ns = 0;
    int64_t changed_ns = 0;  // its rights, too
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  [[nodiscard]] std::vector<Stamp> look() const;

  const std::vector<std::string> paths_;
  std::vector<Stamp> seen_;
  bool has_changed_ = false;  // any, at the last look, or came or went
  bool was_good_ = true;
  bool is_settled_ = false;
};

}  // namespace hongbao
