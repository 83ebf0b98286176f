// Reads a process's configuration: command line overrides over environment (HONGBAO_*) over a TOML file. Keys are
// dotted ("server.listen"); the environment spells the same key HONGBAO_SERVER_LISTEN. Every reader is told the range
// it may expect, and the first broken rule is kept as one line that names the key and says how to mend it. A key in the
// file that nobody read is an error as well, and so is a variable HONGBAO_… that spells no key: it is a typing mistake.
// HONGBAO_CONFIG is none: it names the file. An empty variable is an empty value. Names below a prefix (channels.NAME)
// come from the file or the command line; the environment can only give their values.
//
// One thread, at start.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hongbao {

class ConfigReader {
 public:
  // Flattens the file's tables to dotted keys. `overrides` are key → text from the command line. An empty path reads no
  // file.
  static Result<ConfigReader> load(const std::string& path, std::map<std::string, std::string> overrides);

  int64_t integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most);
  bool boolean(std::string_view key, bool otherwise);
  std::string text(std::string_view key, std::string_view otherwise);
  std::string required_text(std::string_view key);
  // A path is what is written, and absolute afterwards: a relative one begins at the directory of the file that `load`
  // read, wherever it came from. What a shell or a library would expand is refused, and so are control characters.
  std::string path(std::string_view key, std::string_view otherwise);
  std::string required_path(std::string_view key);
  std::string one_of(std::string_view key, std::string_view otherwise, const std::vector<std::string_view>& choices);
  // The keys directly below `prefix`: names of tables such as channels.NAME.
  std::vector<std::string> children(std::string_view prefix) const;

  // The file that was read, absolute; empty for none.
  [[nodiscard]] const std::string& file() const { return path_; }

  // Records a rule that another part of the start found broken.
  void refuse(std::string_view key, std::string_view how_to_mend);

  // Call last. The first error, or the first key or variable nobody asked for.
  [[nodiscard]] Result<void> finish() const;
  // Only the second check of `finish`, for a program that needs few of the keys.
  [[nodiscard]] Result<void> check_names() const;

 private:
  std::optional<std::string> find(std::string_view key);

  std::string path_;
  std::string directory_;  // where relative paths begin
  std::map<std::string, std::string> file_;
  std::map<std::string, std::string> overrides_;
  std::map<std::string, std::string> environment_;  // by variable
  std::set<std::string, std::less<>> read_;
  std::optional<Error> first_error_;
};

// The whole of a small file without the white space at its ends: secrets. `key` is the configuration key that named it.
// One that is open to everybody is refused; a group may read it.
Result<std::string> read_secret_file(const std::string& path, std::string_view key);

}  // namespace hongbao
