// Packet ids as users see them: `s007-261122-01000003k-4qz8mn2r` = shard, day, local number, tag. The tag is 40 bits of
// a keyed hash over the rest, under the key of the day: an id nobody was given is refused before any cache or store is
// touched. One id has one spelling; a change of any single character is refused. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "core/ids.h"
#include "core/key_ring.h"

namespace hongbao {

class PacketIdCodec {
 public:
  explicit PacketIdCodec(Subkeys<Key128> tag_keys) : tag_keys_(tag_keys) {}

  [[nodiscard]] std::string print(const PacketKey& key) const;
  // nullopt for anything that `print` did not make with the same key.
  [[nodiscard]] std::optional<PacketKey> parse(std::string_view text) const;
  // Whether it looks like one, for whoever has no key: all but the tag's value is checked.
  static bool has_form(std::string_view text);

 private:
  [[nodiscard]] std::string tag(Day day, std::string_view body) const;

  Subkeys<Key128> tag_keys_;
};

}  // namespace hongbao
