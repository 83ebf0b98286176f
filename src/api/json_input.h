// Reads a JSON body strictly: one object, known fields only and each once, every value of its type and in its range.
// The first broken rule is kept, with its field; check `finish` before using what was read. One thread, one request;
// field names that are passed in outlive it. A small body is read without an allocation.
#pragma once

#include <array>
#include <boost/container/small_vector.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/money.h"

namespace hongbao {

// A JSON object as untrusted text: UTF-8, not deep, and no name twice in any object, because readers disagree on which
// one counts. kMalformedJson.
Result<boost::json::object> parse_object(std::string_view text, boost::json::storage_ptr memory = {});

class JsonInput {
 public:
  explicit JsonInput(std::string_view body);
  JsonInput(const JsonInput&) = delete;
  JsonInput& operator=(const JsonInput&) = delete;

  int64_t integer(std::string_view field, int64_t least, int64_t most);
  Money money(std::string_view field, Money least, Money most) {
    return Money(integer(field, least.fen(), most.fen()));
  }
  // A field whose rule says more than a length in bytes has none here: its own words are told, and the body's limit
  // bounds it.
  static constexpr size_t kAnyLength = SIZE_MAX;
  std::string text(std::string_view field, size_t bytes_max = kAnyLength);
  // Absent and null read as nullopt.
  std::optional<std::string> optional_text(std::string_view field, size_t bytes_max = kAnyLength);
  // A field that holds an object.
  const boost::json::object& object(std::string_view field);

  void refuse(std::string_view field, std::string rule);

  // The first error; or the first field that no reader asked for.
  [[nodiscard]] Result<void> finish() const;

 private:
  const boost::json::value* find(std::string_view field, bool required);

  std::array<unsigned char, 1'024> arena_;
  boost::json::monotonic_resource memory_{arena_.data(), arena_.size()};
  boost::json::object body_{&memory_};
  boost::container::small_vector<std::string_view, 8> read_;
  std::optional<Error> first_error_;
};

// The text of a body's only field.
Result<std::string> read_one_text(std::string_view body, std::string_view field, size_t bytes_max);

}  // namespace hongbao
