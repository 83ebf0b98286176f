// Integers as people write them: decimal digits, a minus where it is allowed, and nothing else. No sign +, no leading
// zero (which other programs read as octal), no 0x, no separators, no white space, no exponent. Pure; any thread.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace hongbao {

// nullopt for anything but the one spelling of a number that `Int` holds.
template <std::integral Int>
std::optional<Int> parse_decimal(std::string_view text) {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.starts_with('0') && text.size() > 1) {  // 010, 00, -0
    return std::nullopt;
  }
  Int value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace hongbao
