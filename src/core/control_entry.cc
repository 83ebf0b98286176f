#include "core/control_entry.h"

#include <fmt/format.h>

#include "base/number.h"

namespace hongbao {

std::string ControlEntryCodec::print(std::string_view name, const ControlEntry& entry) const {
  const std::string mac =
      to_hex(blake2b_keyed(key_, as_bytes(fmt::format("{} {} {}", name, entry.version, entry.value))));
  return fmt::format("{} {} {}", entry.version, entry.value, mac);
}

std::optional<ControlEntry> ControlEntryCodec::parse(std::string_view name, std::string_view text) const {
  const size_t first = text.find(' ');
  const size_t last = text.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return std::nullopt;
  }
  const auto version = parse_decimal<uint64_t>(text.substr(0, first));
  if (!version) {
    return std::nullopt;
  }
  ControlEntry entry{*version, std::string(text.substr(first + 1, last - first - 1))};
  return equal_constant_time(as_bytes(print(name, entry)), as_bytes(text)) ? std::optional(std::move(entry))
                                                                           : std::nullopt;
}

}  // namespace hongbao
