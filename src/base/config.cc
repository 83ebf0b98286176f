#include "base/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/input_file.h"
#include "base/number.h"

namespace hongbao {
namespace {

constexpr size_t kConfigBytesMax = 1UL << 20;
constexpr size_t kSecretBytesMax = 4096;
constexpr std::string_view kEnvironmentPrefix = "HONGBAO_";
constexpr std::string_view kConfigVariable = "HONGBAO_CONFIG";  // names the file itself, for every program

std::string environment_name(std::string_view key) {
  std::string name(kEnvironmentPrefix);
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

Result<void> flatten(const toml::table& table, const std::string& prefix, std::map<std::string, std::string>& out) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix.empty() ? std::string(name.str()) : fmt::format("{}.{}", prefix, name.str());
    if (name.str().empty() || name.str().contains('.')) {  // it would be taken for another key
      return fail(ErrorCode::kConfig, "must not be a quoted name that is empty or has a dot", key);
    }
    if (const auto* inner = node.as_table()) {
      if (auto flat = flatten(*inner, key, out); !flat) {
        return flat;
      }
      continue;
    }
    auto text = value_text(node);
    if (!text) {
      return fail(ErrorCode::kConfig, "must be text, an integer or a boolean", key);
    }
    out[key] = std::move(*text);
  }
  return {};
}

// The variables that are meant for Hongbao: name → value.
std::map<std::string, std::string> read_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (text.starts_with(kEnvironmentPrefix) && equals != std::string_view::npos) {
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  variables.erase(std::string(kConfigVariable));
  return variables;
}

}  // namespace

Result<ConfigReader> ConfigReader::load(const std::string& path, std::map<std::string, std::string> overrides) {
  ConfigReader reader;
  reader.overrides_ = std::move(overrides);
  std::error_code error;
  reader.path_ = path.empty() ? path : std::filesystem::absolute(path, error).string();
  reader.directory_ = path.empty() ? std::filesystem::current_path(error).string()
                                   : std::filesystem::path(reader.path_).parent_path().string();
  reader.environment_ = read_environment();
  if (path.empty()) {
    return reader;
  }
  const auto text = read_input_file(path, kConfigBytesMax);
  if (!text) {
    return fail(ErrorCode::kConfig, fmt::format("{} {}: give a TOML file", path, text.error().detail), "--config");
  }
  try {
    if (auto flat = flatten(toml::parse(*text), "", reader.file_); !flat) {
      return std::unexpected(flat.error());
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
  if (const auto it = environment_.find(environment_name(key)); it != environment_.end()) {
    return it->second;
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
  const auto value = parse_decimal<int64_t>(*text);
  if (!value || *value < least || *value > most) {
    refuse(key, fmt::format("is \"{}\": give an integer from {} to {}, in decimal digits", *text, least, most));
    return otherwise;
  }
  return *value;
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
  return check_names();
}

Result<void> ConfigReader::check_names() const {
  for (const auto* source : {&file_, &overrides_}) {
    for (const auto& [key, value] : *source) {
      if (!read_.contains(key)) {
        return fail(ErrorCode::kConfig, "is not a known key: remove it or mend its spelling", key);
      }
    }
  }
  std::map<std::string, std::string> known;
  for (const std::string& key : read_) {
    const std::string name = environment_name(key);
    const auto [other, is_new] = known.emplace(name, key);
    if (!is_new && environment_.contains(name)) {
      return fail(ErrorCode::kConfig, fmt::format("may mean {} or {}: set them in the file", other->second, key), name);
    }
  }
  for (const auto& [name, value] : environment_) {
    if (!known.contains(name)) {
      return fail(ErrorCode::kConfig, "names no known key: unset it or mend its spelling", name);
    }
  }
  return {};
}

Result<std::string> read_secret_file(const std::string& path, std::string_view key) {
  auto text = read_input_file(path, kSecretBytesMax);
  if (!text) {
    return fail(ErrorCode::kConfig,
                fmt::format("names {}, which {} (`hongbaoctl init` makes secrets)", path, text.error().detail),
                std::string(key));
  }
  if (const auto checked = check_private_file(path); !checked) {
    return fail(ErrorCode::kConfig, fmt::format("names {}, which {}", path, checked.error().detail), std::string(key));
  }
  constexpr std::string_view kSpace = " \t\r\n";
  text->erase(text->find_last_not_of(kSpace) + 1);
  text->erase(0, text->find_first_not_of(kSpace));
  if (text->empty()) {
    return fail(ErrorCode::kConfig, fmt::format("names {}, which is empty", path), std::string(key));
  }
  return text;
}

}  // namespace hongbao
