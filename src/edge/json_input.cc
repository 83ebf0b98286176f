#include "edge/json_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr size_t kDepthMax = 8;

// How many fields well-formed JSON names, at any depth: its colons outside strings.
size_t count_named(std::string_view text) {
  size_t count = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == ':') {
      ++count;
    }
  }
  return count;
}

// How many of them are left: of those with one name Boost.JSON keeps the last.
size_t count_kept(const json::value& value) {
  size_t count = 0;
  if (value.is_object()) {
    for (const auto& entry : value.get_object()) {
      count += 1 + count_kept(entry.value());
    }
  } else if (value.is_array()) {
    for (const json::value& element : value.get_array()) {
      count += count_kept(element);
    }
  }
  return count;
}

}  // namespace

Result<json::object> parse_object(std::string_view text, json::storage_ptr memory) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::value value = json::parse(text, error, std::move(memory), options);
  if (error) {
    return fail(ErrorCode::kMalformedJson, fmt::format("must be UTF-8 JSON: {}", error.message()));
  }
  if (!value.is_object()) {
    return fail(ErrorCode::kMalformedJson, "must be a JSON object");
  }
  if (count_kept(value) != count_named(text)) {
    return fail(ErrorCode::kMalformedJson, "must not name a field twice");
  }
  return std::move(value.get_object());
}

JsonInput::JsonInput(std::string_view body) {
  if (body.empty()) {  // an empty object: actions without input need none
    return;
  }
  if (auto object = parse_object(body, &memory_)) {
    body_ = std::move(*object);
  } else {
    first_error_ = std::move(object.error());
    first_error_->field = "body";
  }
}

void JsonInput::refuse(std::string_view field, std::string rule) {
  if (!first_error_) {
    first_error_ = Error{ErrorCode::kInvalidField, std::move(rule), std::string(field)};
  }
}

const json::value* JsonInput::find(std::string_view field, bool required) {
  read_.push_back(field);
  const json::value* value = body_.if_contains(field);
  if (value == nullptr || value->is_null()) {
    if (required) {
      refuse(field, "is required");
    }
    return nullptr;
  }
  return value;
}

int64_t JsonInput::integer(std::string_view field, int64_t least, int64_t most) {
  const json::value* value = find(field, true);
  if (value == nullptr) {
    return least;
  }
  // Numbers beyond 64 bits, fractions and exponents are read as floating point.
  if (value->is_uint64() || (value->is_int64() && (value->get_int64() < least || value->get_int64() > most))) {
    refuse(field, fmt::format("must be an integer from {} to {}", least, most));
    return least;
  }
  if (!value->is_int64()) {
    refuse(field, fmt::format("must be an integer from {} to {}, without fraction or exponent", least, most));
    return least;
  }
  return value->get_int64();
}

std::optional<std::string> JsonInput::optional_text(std::string_view field, size_t bytes_max) {
  const json::value* value = find(field, false);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_string()) {
    refuse(field, "must be a string");
    return std::nullopt;
  }
  if (value->get_string().size() > bytes_max) {
    refuse(field, fmt::format("must be a string of at most {} bytes", bytes_max));
    return std::nullopt;
  }
  return std::string(value->get_string());
}

std::string JsonInput::text(std::string_view field, size_t bytes_max) {
  if (find(field, true) == nullptr) {
    return {};
  }
  return optional_text(field, bytes_max).value_or("");
}

const json::object& JsonInput::object(std::string_view field) {
  static const json::object empty;
  const json::value* value = find(field, true);
  if (value == nullptr) {
    return empty;
  }
  if (!value->is_object()) {
    refuse(field, "must be an object");
    return empty;
  }
  return value->get_object();
}

Result<void> JsonInput::finish() const {
  if (first_error_) {
    return std::unexpected(*first_error_);
  }
  for (const auto& entry : body_) {
    if (std::ranges::find(read_, std::string_view(entry.key())) == read_.end()) {
      return fail(ErrorCode::kUnknownField, "is not a field of this call", std::string(entry.key()));
    }
  }
  return {};
}

}  // namespace hongbao
