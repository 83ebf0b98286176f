#include "apps/backup_manifest.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr int64_t kFormat = 1;

std::unexpected<Error> refuse_backup(const std::string& directory, std::string_view why) {
  return fail(ErrorCode::kConfig, fmt::format("{} {}", directory, why), "DIR");
}

// Names are joined to directories: none may lead out of one.
bool is_name(std::string_view name) {
  if (name.starts_with("cold/")) {
    name.remove_prefix(5);
  }
  return name.ends_with(".db") && name.find('/') == std::string_view::npos;
}

void read_files(const json::object& files, BackupManifest& manifest) {
  for (const auto& [name, value] : files) {
    sqlite::FileSum sum;
    sum.bytes = value.at("bytes").to_number<uint64_t>();
    const auto hash = from_hex(std::string(value.at("blake2b").as_string()));
    if (!is_name(name) || !hash || hash->size() != sum.hash.size()) {
      throw std::invalid_argument("not a file of a backup");
    }
    std::ranges::copy(*hash, sum.hash.begin());
    manifest.files.emplace(name, sum);
  }
}

}  // namespace

Result<void> write_manifest(const std::string& directory, const BackupManifest& manifest) {
  json::object files;
  for (const auto& [name, sum] : manifest.files) {
    files[name] = json::object{{"bytes", sum.bytes}, {"blake2b", to_hex(sum.hash)}};
  }
  const json::object out{{"format", kFormat},
                         {"made_at", manifest.made_at},
                         {"master_key_id", manifest.master_key_id},
                         {"deployment", manifest.deployment},
                         {"files", std::move(files)}};
  return sqlite::write_durably(fmt::format("{}/{}", directory, kManifestFile), json::serialize(out) + "\n");
}

Result<BackupManifest> read_manifest(const std::string& directory) {
  std::ifstream in(fmt::format("{}/{}", directory, kManifestFile));
  if (!in) {
    return refuse_backup(directory, fmt::format("is no backup, or an unfinished one: it has no {}", kManifestFile));
  }
  const std::string text(std::istreambuf_iterator<char>(in), {});
  try {
    const json::value parsed = json::parse(text);
    if (parsed.at("format").to_number<int64_t>() != kFormat) {
      return refuse_backup(directory, "was made by another version, in a format that this one does not know");
    }
    BackupManifest manifest{.made_at = std::string(parsed.at("made_at").as_string()),
                            .master_key_id = std::string(parsed.at("master_key_id").as_string()),
                            .deployment = std::string(parsed.at("deployment").as_string()),
                            .files = {}};
    read_files(parsed.at("files").as_object(), manifest);
    return manifest;
  } catch (const std::exception&) {
    return refuse_backup(directory, fmt::format("has a damaged {}", kManifestFile));
  }
}

}  // namespace hongbao
