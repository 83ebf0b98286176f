#include "base/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace hongbao {
namespace {

constexpr size_t kSecretBytesMax = 4096;

std::string environment_name(std::string_view key) {
  std::string name = "HONGBAO_";
  for (const char c : key) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::optional<std::string> value_text(const toml::node& node) {
  if (const auto* text = node.as_string()) {
    return text->get();
  }
  if (const auto* number = node.as_integer()) {
    return fmt::format("{}", number->get());
  }
  if (const auto* flag = node.as_boolean()) {
    return flag->get() ? "true" : "false";
  }
  return std::nullopt;
}

// Returns the key of the first value that is neither text, integer nor boolean.
std::optional<std::string> flatten(const toml::table& table, const std::string& prefix,
                                   std::map<std::string, std::string>& out) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix.empty() ? std::string(name.str()) : fmt::format("{}.{}", prefix, name.str());
    if (const auto* inner = node.as_table()) {
      if (auto bad = flatten(*inner, key, out)) {
        return bad;
      }
      continue;
    }
    auto text = value_text(node);
    if (!text) {
      return key;
    }
    out[key] = std::move(*text);
  }
  return std::nullopt;
}

}  // namespace

Result<ConfigReader> ConfigReader::load(const std::string& path, std::map<std::string, std::string> overrides) {
  ConfigReader reader;
  reader.overrides_ = std::move(overrides);
  std::error_code error;
  reader.path_ = path.empty() ? path : std::filesystem::absolute(path, error).string();
  reader.directory_ = path.empty() ? std::filesystem::current_path(error).string()
                                   : std::filesystem::path(reader.path_).parent_path().string();
  if (path.empty()) {
    return reader;
  }
  std::ifstream in(path);
  if (!in) {
    return fail(ErrorCode::kConfig, fmt::format("cannot open {}: give an existing TOML file", path), "--config");
  }
  std::stringstream text;
  text << in.rdbuf();
  try {
    if (auto bad = flatten(toml::parse(text.str()), "", reader.file_)) {
      return fail(ErrorCode::kConfig, "must be text, an integer or a boolean", *bad);
    }
  } catch (const toml::parse_error& e) {
    return fail(ErrorCode::kConfig,
                fmt::format("{} line {}: {}", path, e.source().begin.line, std::string(e.description())), "--config");
  }
  return reader;
}

std::optional<std::string> ConfigReader::find(std::string_view key) {
  read_.emplace(key);
  if (const auto it = overrides_.find(std::string(key)); it != overrides_.end()) {
    return it->second;
  }
  if (const char* value = std::getenv(environment_name(key).c_str())) {
    return value;
  }
  if (const auto it = file_.find(std::string(key)); it != file_.end()) {
    return it->second;
  }
  return std::nullopt;
}

int64_t ConfigReader::integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most) {
  const auto text = find(key);
  if (!text) {
    return otherwise;
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < least || value > most) {
    refuse(key, fmt::format("is \"{}\": give an integer from {} to {}", *text, least, most));
    return otherwise;
  }
  return value;
}

bool ConfigReader::boolean(std::string_view key, bool otherwise) {
  return one_of(key, otherwise ? "true" : "false", {"true", "false"}) == "true";
}

std::string ConfigReader::text(std::string_view key, std::string_view otherwise) {
  return find(key).value_or(std::string(otherwise));
}

std::string ConfigReader::required_text(std::string_view key) {
  const auto value = find(key);
  if (!value || value->empty()) {
    refuse(key, "is missing: set it in the file or the environment");
  }
  return value.value_or("");
}

std::string ConfigReader::path(std::string_view key, std::string_view otherwise) {
  const std::string path = text(key, otherwise);
  if (std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    refuse(key, "holds a control character: give another path");
  }
  if (path.starts_with('~') || path.starts_with('$') || path.starts_with("file:")) {
    refuse(key, fmt::format("is \"{0}\", and nothing expands that here: write the path out, or \"./{0}\" for a file of "
                            "that name",
                            path));
  }
  return path.empty() || path.starts_with('/') ? path : fmt::format("{}/{}", directory_, path);
}

std::string ConfigReader::required_path(std::string_view key) {
  (void)required_text(key);
  return path(key, "");
}

std::string ConfigReader::one_of(std::string_view key, std::string_view otherwise,
                                 const std::vector<std::string_view>& choices) {
  const std::string value = text(key, otherwise);
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    refuse(key, fmt::format("is \"{}\": give one of {}", value, fmt::join(choices, ", ")));
    return std::string(otherwise);
  }
  return value;
}

std::vector<std::string> ConfigReader::children(std::string_view prefix) const {
  const std::string start = fmt::format("{}.", prefix);
  std::set<std::string> names;
  for (const auto* source : {&file_, &overrides_}) {
    for (const auto& [key, value] : *source) {
      if (key.starts_with(start)) {
        names.insert(key.substr(start.size(), key.find('.', start.size()) - start.size()));
      }
    }
  }
  return {names.begin(), names.end()};
}

void ConfigReader::refuse(std::string_view key, std::string_view how_to_mend) {
  if (!first_error_) {
    first_error_ = Error{ErrorCode::kConfig, std::string(how_to_mend), std::string(key)};
  }
}

Result<void> ConfigReader::finish() const {
  if (first_error_) {
    return std::unexpected(*first_error_);
  }
  for (const auto* source : {&file_, &overrides_}) {
    for (const auto& [key, value] : *source) {
      if (!read_.contains(key)) {
        return fail(ErrorCode::kConfig, "is not a known key: remove it or mend its spelling", key);
      }
    }
  }
  return {};
}

Result<std::string> read_secret_file(const std::string& path, std::string_view key) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return fail(ErrorCode::kConfig,
                fmt::format("names {}, which cannot be read: create it with `hongbaoctl init`", path),
                std::string(key));
  }
  std::string text(kSecretBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kSecretBytesMax) {
    return fail(ErrorCode::kConfig, fmt::format("names {}, which is larger than {} bytes", path, kSecretBytesMax),
                std::string(key));
  }
  constexpr std::string_view kSpace = " \t\r\n";
  text.erase(text.find_last_not_of(kSpace) + 1);
  text.erase(0, text.find_first_not_of(kSpace));
  if (text.empty()) {
    return fail(ErrorCode::kConfig, fmt::format("names {}, which is empty", path), std::string(key));
  }
  return text;
}

}  // namespace hongbao
