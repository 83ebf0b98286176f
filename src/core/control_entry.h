// What operators set, as it is kept where others may write: with a version, by which the newest counts, and a MAC under
// a key that the nodes share. docs/FORMATS.md has the layout. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/key_ring.h"

namespace hongbao {

struct ControlEntry {
  uint64_t version = 0;  // microseconds since 1970 when it was set, but more than the one before; 0: never set
  std::string value;     // without a space

  friend bool operator==(const ControlEntry&, const ControlEntry&) = default;
};

class ControlEntryCodec {
 public:
  explicit ControlEntryCodec(Subkeys<Key256> keys) : keys_(keys) {}

  // As the text kept under `name`.
  [[nodiscard]] std::string print(std::string_view name, const ControlEntry& entry) const;
  // nullopt for what `print` did not make for this name under the same key.
  [[nodiscard]] std::optional<ControlEntry> parse(std::string_view name, std::string_view text) const;

 private:
  const Subkeys<Key256> keys_;
};

}  // namespace hongbao
