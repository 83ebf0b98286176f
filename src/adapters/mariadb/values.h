// What is bound to statements: values of Hongbao's types as MariaDB takes them, one by one or in rows for array
// binding. Texts are borrowed until the statement has run. Any thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "core/ids.h"
#include "core/money.h"
#include "storage/damaged_row.h"

namespace hongbao::mariadb {

struct Value {
  enum class Kind : uint8_t { kNull, kInteger, kBytes };
  Kind kind = Kind::kNull;
  int64_t integer = 0;
  std::string_view bytes;
};

inline Value to_value(std::string_view text) {
  return {Value::Kind::kBytes, 0, text};
}
inline Value to_value(const std::string& text) {
  return to_value(std::string_view(text));
}
inline Value to_value(const char* text) {
  return to_value(std::string_view(text));
}
inline Value to_value(Bytes bytes) {
  return to_value(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}
inline Value to_value(const UserId& user) {
  return to_value(user.text());
}
inline Value to_value(std::nullptr_t) {
  return {};
}
template <std::integral Number>
Value to_value(Number number) {
  CHECK(std::in_range<int64_t>(number));
  return {Value::Kind::kInteger, static_cast<int64_t>(number), {}};
}
template <class Enum>
  requires std::is_enum_v<Enum>
Value to_value(Enum value) {
  return to_value(std::to_underlying(value));
}
inline Value to_value(Money value) {
  return to_value(value.fen());
}
inline Value to_value(Timestamp value) {
  return to_value(value.unix_ms);
}
inline Value to_value(VoucherNo value) {
  return to_value(value.value);
}
inline Value to_value(LocalNo value) {
  return to_value(value.value);
}
inline Value to_value(Day value) {
  return to_value(value.since_epoch);
}
// A small number that an operator can read: the shard's, and a thousand more in North.
inline constexpr int kNorthFirst = 1'000;
inline Value to_value(ShardId shard) {
  return to_value(shard.number + (shard.region == Region::kNorth ? kNorthFirst : 0));
}
inline ShardId shard_of(int64_t value) {
  require_sound(value >= 0 && value < 2 * kNorthFirst, "a shard is one of two thousand");
  return {value < kNorthFirst ? Region::kSouth : Region::kNorth, static_cast<uint16_t>(value % kNorthFirst)};
}
template <class T>
Value to_value(const std::optional<T>& value) {
  return value ? to_value(*value) : Value();
}

// Rows for array binding, column by column. All rows have the same number of values.
class ValueRows {
 public:
  template <class... Values>
  void add(const Values&... values) {
    if (columns_.empty()) {
      columns_.resize(sizeof...(values));
    }
    CHECK(columns_.size() == sizeof...(values));
    size_t column = 0;
    (columns_[column++].push_back(to_value(values)), ...);
  }
  [[nodiscard]] size_t rows() const { return columns_.empty() ? 0 : columns_.front().size(); }
  [[nodiscard]] bool empty() const { return rows() == 0; }
  [[nodiscard]] const std::vector<std::vector<Value>>& columns() const { return columns_; }

 private:
  std::vector<std::vector<Value>> columns_;
};

}  // namespace hongbao::mariadb
