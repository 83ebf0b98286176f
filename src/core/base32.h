// Crockford's base32, lower case, fixed width: the digits of packet ids. Decoding takes only the canonical digits (no
// upper case, no i, l, o for 1, 1, 0), so that one id has one spelling. Source: crockford.com/base32.html.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hongbao {

// The lowest 5·`digits` bits of `value`, most significant digit first; 13 digits hold any value.
std::string to_base32(uint64_t value, size_t digits);
// At most 13 digits. Nullopt: something else, or 2^64 and more.
std::optional<uint64_t> from_base32(std::string_view text);

}  // namespace hongbao
