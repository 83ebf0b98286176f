#include "apps/data_identity.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <system_error>

namespace hongbao {
namespace {

constexpr size_t kIdentityBytesMax = 65'536;

std::unexpected<Error> refuse(std::string detail) {
  return fail(ErrorCode::kConfig, std::move(detail), "data.dir");
}

bool is_hex_key(const std::string& text) {
  const auto bytes = from_hex(text);
  return bytes && bytes->size() == sizeof(Key128);
}

// Lines: the first master key's id; "key ID" for each later one; "deployment ID"; "file NAME" for each database.
std::optional<DataIdentity> parse_identity(const std::string& text) {
  std::istringstream in(text);
  DataIdentity identity;
  if (!(in >> identity.master_key_id) || !is_hex_key(identity.master_key_id)) {
    return std::nullopt;
  }
  std::string word;
  std::string value;
  while (in >> word >> value) {
    if (word == "deployment" && is_hex_key(value)) {
      identity.deployment = value;
    } else if (word == "key" && is_hex_key(value)) {
      identity.later_key_ids.push_back(value);
    } else if (word == "file") {
      identity.files.insert(value);
    } else {
      return std::nullopt;
    }
  }
  return identity;
}

}  // namespace

std::string new_deployment() {
  Key128 bytes;
  random_bytes(bytes);
  return to_hex(bytes);
}

Result<std::optional<DataIdentity>> read_identity(const std::string& data_dir) {
  const std::string path = fmt::format("{}/{}", data_dir, kIdentityFile);
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr && (errno == ENOENT || errno == ENOTDIR)) {
    return std::nullopt;
  }
  std::string text(kIdentityBytesMax, '\0');
  const int opened = errno;
  const bool is_open = file != nullptr;
  text.resize(is_open ? std::fread(text.data(), 1, text.size(), file) : 0);
  const bool is_read = is_open && std::ferror(file) == 0;
  if (is_open) {
    (void)std::fclose(file);
  }
  if (!is_read) {
    return refuse(fmt::format("holds {}, which can't be read: {}", path,
                              is_open ? "it is no file" : std::error_code(opened, std::generic_category()).message()));
  }
  auto identity = parse_identity(text);
  return identity
             ? Result<std::optional<DataIdentity>>(std::move(identity))
             : refuse(fmt::format("holds {}, which is damaged: put back the whole data directory of one moment, or "
                                  "restore a backup (hongbaoctl restore)",
                                  path));
}

std::string print_identity(const DataIdentity& identity) {
  std::string text = fmt::format("{}\n", identity.master_key_id);
  for (const std::string& id : identity.later_key_ids) {
    text += fmt::format("key {}\n", id);
  }
  text += fmt::format("deployment {}\n", identity.deployment);
  for (const std::string& file : identity.files) {
    text += fmt::format("file {}\n", file);
  }
  return text;
}

Result<void> check_master_keys(const DataIdentity& identity, const std::string& data_dir,
                               const std::vector<Key128>& key_ids) {
  bool are_known = key_ids.size() > identity.later_key_ids.size() && identity.master_key_id == to_hex(key_ids.front());
  for (size_t i = 0; are_known && i < identity.later_key_ids.size(); ++i) {
    are_known = identity.later_key_ids[i] == to_hex(key_ids[i + 1]);
  }
  return are_known ? Result<void>()
                   : fail(ErrorCode::kConfig,
                          fmt::format("names other keys than {} was made with: give the original ones, and all that "
                                      "were added",
                                      data_dir),
                          "auth.master_keys_file");
}

Result<std::set<std::string>> list_databases(const std::string& data_dir) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir, error)) {
    std::string name = entry.path().filename().string();
    if (name == "ledger.db" || name == "inbox.db" || (name.starts_with("orders-") && name.ends_with(".db"))) {
      names.insert(std::move(name));
    }
  }
  return error ? Result<std::set<std::string>>(refuse(fmt::format("{} can't be listed: {}", data_dir, error.message())))
               : names;
}

}  // namespace hongbao
