// Packet ids as users see them: `s007-261122-01000003k-4qz8mn2r` = shard, day, local number, tag. The tag is 40 bits of
// a keyed hash over the rest: an id nobody was given is refused before any cache or store is touched. One id has one
// spelling; a change of any single character is refused. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "core/ids.h"

namespace hongbao {

class PacketIdCodec {
 public:
  explicit PacketIdCodec(const Key128& tag_key) : tag_key_(tag_key) {}

  [[nodiscard]] std::string print(const PacketKey& key) const;
  // nullopt for anything that `print` did not make with the same key.
  [[nodiscard]] std::optional<PacketKey> parse(std::string_view text) const;
  // Whether it looks like one, for whoever has no key: all but the tag's value is checked.
  static bool has_form(std::string_view text);

 private:
  [[nodiscard]] std::string tag(std::string_view body) const;

  Key128 tag_key_;
};

}  // namespace hongbao
