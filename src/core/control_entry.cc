#include "core/control_entry.h"

#include <fmt/format.h>

#include "base/number.h"

namespace hongbao {
namespace {

std::string print_under(const Key256& key, std::string_view name, const ControlEntry& entry) {
  const std::string mac =
      to_hex(blake2b_keyed(key, as_bytes(fmt::format("{} {} {}", name, entry.version, entry.value))));
  return fmt::format("{} {} {}", entry.version, entry.value, mac);
}

}  // namespace

std::string ControlEntryCodec::print(std::string_view name, const ControlEntry& entry) const {
  return print_under(keys_.newest(), name, entry);
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
  const bool is_ours = keys_.first_of(
      [&](const Key256& key) { return equal_constant_time(as_bytes(print_under(key, name, entry)), as_bytes(text)); });
  return is_ours ? std::optional(std::move(entry)) : std::nullopt;
}

}  // namespace hongbao
