// A file of secrets that gets another content as a whole: whoever reads it meanwhile sees the old one or the new one,
// and whoever could read the old one can read the new one. One thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace hongbao {

// The file's next content. While one is being made, between `begin` and the end of this, nobody else makes one.
class NextFile {
 public:
  // `mode`: of a file that is new.
  explicit NextFile(const std::string& path, mode_t mode = 0600) : path_(path), next_(path + ".new"), mode_(mode) {}
  NextFile(const NextFile&) = delete;
  NextFile& operator=(const NextFile&) = delete;
  ~NextFile();

  // Errors of both: kConfig, in words that follow the file's name; then it is as it was.
  Result<void> begin();
  // REQUIRES: begun.
  Result<void> put(const std::string& text);

 private:
  [[nodiscard]] std::unexpected<Error> refuse() const;

  const std::string path_;
  const std::string next_;
  const mode_t mode_;
  int file_ = -1;
};

// Both at once.
Result<void> replace_file(const std::string& path, const std::string& text, mode_t mode);

}  // namespace hongbao
