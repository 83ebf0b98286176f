#include "apps/setting.h"

#include <utility>

#include "base/input_file.h"
#include "base/secret_memory.h"

namespace hongbao {
namespace {

constexpr size_t kSecretLengthMin = 16;

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", text);
}

// Hands on the content of the file that the key names, and wipes what was read; or "", and its error is recorded.
void read_secret(ConfigReader& reader, const std::string& key, const TakeContent& take) {
  const std::string path = reader.required_path(key);
  if (path.empty()) {
    take(reader, key, "");
    return;
  }
  auto secret = read_secret_file(path, key);
  if (!secret) {
    reader.refuse(key, secret.error().detail);
    take(reader, key, "");
    return;
  }
  if (secret->size() < kSecretLengthMin) {
    reader.refuse(key,
                  fmt::format("names a file with less than {} characters: make a longer secret", kSecretLengthMin));
  }
  take(reader, key, *secret);
  wipe(*secret);
}

}  // namespace

Setting text(std::string_view name, std::string& target, std::string_view value, std::string_view about) {
  return special(name, "text", value, about,
                 [&target, value](ConfigReader& reader, const std::string& key) { target = reader.text(key, value); });
}

Setting boolean(std::string_view name, bool& target, bool value, std::string_view about) {
  return {
      .name = name,
      .type = "boolean",
      .value = value ? "true" : "false",
      .about = about,
      .read = [&target, value](ConfigReader& reader, const std::string& key) { target = reader.boolean(key, value); }};
}

Setting one_of(std::string_view name, Take take, std::string_view value, std::vector<std::string_view> choices,
               std::string_view about) {
  auto made = special(name, "one of", value, about,
                      [choices, value, take = std::move(take)](ConfigReader& reader, const std::string& key) {
                        take(reader.one_of(key, value, choices));
                      });
  made.range = fmt::format("{}", fmt::join(choices, ", "));
  return made;
}

Setting secret_file(std::string_view name, TakeContent take, std::string_view value, std::string_view about) {
  auto made = special(
      name, "file", value, about,
      [take = std::move(take)](ConfigReader& reader, const std::string& key) { read_secret(reader, key, take); });
  made.otherwise = kMustBeGiven;
  return made;
}

Setting optional_secret_file(std::string_view name, TakeContent take, std::string_view value, std::string_view about) {
  return unless_given("none", special(name, "file", value, about,
                                      [take = std::move(take)](ConfigReader& reader, const std::string& key) {
                                        if (!reader.text(key, "").empty()) {
                                          read_secret(reader, key, take);
                                        }
                                      }));
}

Setting optional_file(std::string_view name, std::string& target, std::string_view value, std::string_view about) {
  return unless_given("none",
                      special(name, "file", value, about, [&target](ConfigReader& reader, const std::string& key) {
                        target = reader.path(key, "");
                        if (target.empty()) {
                          return;
                        }
                        if (const auto readable = check_input_file(target); !readable) {
                          reader.refuse(key, fmt::format("names {}, which {}: give a file in PEM that can be read",
                                                         target, readable.error().detail));
                        }
                      }));
}

Setting special(std::string_view name, std::string_view type, std::string_view value, std::string_view about,
                Setting::Read read) {
  return {.name = name, .type = type, .value = quoted(value), .about = about, .read = std::move(read)};
}

Setting unless_given(std::string_view otherwise, Setting setting) {
  setting.otherwise = otherwise;
  setting.is_written = false;
  return setting;
}

Setting only_when(const bool& condition, Setting setting) {
  setting.is_written = false;
  setting.read = [&condition, read = std::move(setting.read)](ConfigReader& reader, const std::string& key) {
    if (condition) {
      read(reader, key);
    } else {
      (void)reader.text(key, "");
    }
  };
  return setting;
}

Setting embedded(Setting setting) {
  setting.acts = Acts::kEmbedded;
  return setting;
}

Setting distributed(Setting setting) {
  setting.acts = Acts::kDistributed;
  return setting;
}

}  // namespace hongbao
