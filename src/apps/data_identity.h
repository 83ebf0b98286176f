// What a data directory is: which master keys it was made with, whose deployment it is, and which databases it must
// hold. Kept in its file MASTER_KEY_ID. The owner's thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"

namespace hongbao {

inline constexpr std::string_view kIdentityFile = "MASTER_KEY_ID";
// In a data directory: where `hongbaoctl restore` prepares the files. Gone when it is done.
inline constexpr std::string_view kRestoringDirectory = "restoring";

struct DataIdentity {
  std::string master_key_id;    // of the first key: a value derived from it, hexadecimal
  std::string deployment;       // a random number, also kept in each database; empty before the first start made it
  std::set<std::string> files;  // databases that were made, by their names in the directory
  std::vector<std::string> later_key_ids{};  // of the keys that were added
};

std::string new_deployment();

// nullopt: the directory, or the file, is not there. kConfig: it can't be read, or is none.
Result<std::optional<DataIdentity>> read_identity(const std::string& data_dir);
std::string print_identity(const DataIdentity& identity);
// kConfig unless the keys that it was made with are the first of these.
Result<void> check_master_keys(const DataIdentity& identity, const std::string& data_dir,
                               const std::vector<Key128>& key_ids);

// The databases that lie in a directory, by the names of their files, whatever these hold; none of cold days. kConfig
// when it can't be listed.
Result<std::set<std::string>> list_databases(const std::string& data_dir);

}  // namespace hongbao
