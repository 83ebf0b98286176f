// Integers as bytes, lowest byte first, as the wire between nodes has them. Compilers make one move of each. Pure; any
// thread.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

namespace hongbao {

template <std::unsigned_integral T>
void store_little_endian(char* out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<char>(value >> (8 * i));
  }
}

// REQUIRES: `from` is long enough.
template <std::unsigned_integral T>
T load_little_endian(std::string_view from) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<unsigned char>(from[i])) << (8 * i);
  }
  return value;
}

}  // namespace hongbao
