// The directory that holds an embedded server's databases, locked for this process: SQLite files and the shard's single
// writer are safe only while one hongbaod uses them.
//
// Threads: made once at start, held until the stores are closed.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hongbao::sqlite {

class DataDir {
 public:
  // Makes the directory when it is missing (mode 0700), so that it outlives a power cut, and locks it by an exclusive
  // flock on `path`/LOCK, which also holds the pid. kConfig with field "data.dir" when another process has it or it
  // can't be used.
  static Result<DataDir> lock(const std::string& path);

  DataDir(DataDir&& other) noexcept;
  DataDir& operator=(DataDir&& other) noexcept;
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;
  ~DataDir();

  [[nodiscard]] const std::string& path() const { return path_; }

  // Balances and seeds are in these files: they get mode 0600 and the directory 0700, however they came here, with a
  // warning when others could read, or still can. A directory that holds other things, too, is only warned of.
  void close_to_others() const;
  // Makes a file, or takes another's place. After a power cut it is whole, and once this returned it is there. kConfig.
  Result<void> write_file(std::string_view name, std::string_view text) const;
  // The names of the files made so far outlive a power cut. SQLite sees to its own, but forgives a failure. kConfig.
  Result<void> sync() const;

 private:
  DataDir(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_;  // closing it releases the lock, also when the process dies
};

}  // namespace hongbao::sqlite
