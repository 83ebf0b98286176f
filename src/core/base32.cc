#include "core/base32.h"

#include <array>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t kDigitsMax = 13;  // 65 bits

constexpr std::array<int8_t, 256> kValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<int8_t>(i);
  }
  return values;
}();

}  // namespace

std::string to_base32(uint64_t value, size_t digits) {
  CHECK(digits <= kDigitsMax);
  std::string text(digits, '0');
  for (size_t i = digits; i > 0; --i) {
    text[i - 1] = kDigits[value & 31];
    value >>= 5;
  }
  return text;
}

std::optional<uint64_t> from_base32(std::string_view text) {
  if (text.empty() || text.size() > kDigitsMax) {
    return std::nullopt;
  }
  uint64_t value = 0;
  for (const char c : text) {
    const int8_t digit = kValues[static_cast<unsigned char>(c)];
    if (digit < 0 || value >> 59 != 0) {
      return std::nullopt;
    }
    value = value << 5 | static_cast<uint64_t>(digit);
  }
  return value;
}

}  // namespace hongbao
