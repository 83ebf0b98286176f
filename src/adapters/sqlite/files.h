// What has to reach the disk besides SQLite's own writes: names in directories, small files, and a log that an earlier
// process left. Synced here always means: reported by the kernel as being on the disk.
//
// Threads: any; one at a time for a path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"

namespace hongbao::sqlite {

// The names of the files in a directory. kStorage.
Result<void> sync_directory(const std::filesystem::path& directory);

// A file's bytes. kStorage.
Result<void> sync_file(const std::filesystem::path& file);

// How much a file holds, and BLAKE2b-256 over it. kStorage.
struct FileSum {
  uint64_t bytes = 0;
  Hash256 hash{};
  friend bool operator==(const FileSum&, const FileSum&) = default;
};
Result<FileSum> sum_file(const std::filesystem::path& file);
// Copies a file that doesn't change to a new one: for its owner alone, its bytes synced, its name not. kStorage.
Result<FileSum> copy_synced(const std::filesystem::path& from, const std::filesystem::path& to);

// Makes a file, or takes another's place: after a power cut there is the old one or the new one, whole. kStorage.
Result<void> write_durably(const std::filesystem::path& file, std::string_view text);

// Writes a file's bytes over themselves and syncs them. Where an fsync failed, or was never reached, the page cache may
// show bytes that are not on the disk; after a failure the kernel calls them clean, and no later fsync writes them.
// This does. A file that is missing needs nothing. kStorage.
Result<void> rewrite_durably(const std::filesystem::path& file);

}  // namespace hongbao::sqlite
