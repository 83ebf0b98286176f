// MANIFEST.json of a backup: what it is of, and every file with its size and checksum. It is written last, so a backup
// without it is none. The owner's thread.
#pragma once

#include <map>
#include <string>

#include "adapters/sqlite/files.h"
#include "base/clock.h"

namespace hongbao {

inline constexpr std::string_view kManifestFile = "MANIFEST.json";

struct BackupManifest {
  std::string made_at;
  std::string master_key_id;
  std::string deployment;
  std::map<std::string, sqlite::FileSum> files;  // by name: "ledger.db", "cold/s000-20261122.db"
};

// kConfig or kStorage, in one line.
Result<void> write_manifest(const std::string& directory, const BackupManifest& manifest);
Result<BackupManifest> read_manifest(const std::string& directory);

}  // namespace hongbao
