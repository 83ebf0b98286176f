#include "api/json_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value.hpp>

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr size_t kDepthMax = 8;

// Takes a parser's events and builds the value, but refuses a name that its object has already. (Boost.JSON's own
// parser keeps the last of several.)
class ValueBuilder {
 public:
  static constexpr size_t max_object_size = json::object::max_size();
  static constexpr size_t max_array_size = json::array::max_size();
  static constexpr size_t max_key_size = json::string::max_size();
  static constexpr size_t max_string_size = json::string::max_size();
  using ErrorRef = boost::system::error_code&;

  explicit ValueBuilder(json::storage_ptr memory) : root_(std::move(memory)) {}

  [[nodiscard]] bool named_twice() const { return named_twice_; }
  json::value release() { return std::move(root_); }

  bool on_document_begin(ErrorRef) { return true; }
  bool on_document_end(ErrorRef) { return true; }

  bool on_object_begin(ErrorRef) {
    open(place()).emplace_object();
    return true;
  }
  bool on_object_end(size_t, ErrorRef) { return close(); }
  bool on_array_begin(ErrorRef) {
    open(place()).emplace_array();
    return true;
  }
  bool on_array_end(size_t, ErrorRef) { return close(); }

  bool on_key_part(std::string_view part, size_t, ErrorRef) { return gather(part); }
  bool on_key(std::string_view last_part, size_t, ErrorRef error) {
    const auto [entry, is_new] = open_.back()->get_object().emplace(gathered(last_part), nullptr);
    named_ = &entry->value();
    if (!is_new) {
      named_twice_ = true;
      error = json::error::syntax;  // ends the parse; what is told is `named_twice`
    }
    parts_.clear();
    return is_new;
  }
  bool on_string_part(std::string_view part, size_t, ErrorRef) { return gather(part); }
  bool on_string(std::string_view last_part, size_t, ErrorRef) {
    place().emplace_string() = gathered(last_part);
    parts_.clear();
    return true;
  }

  bool on_number_part(std::string_view, ErrorRef) { return true; }
  bool on_int64(int64_t value, std::string_view, ErrorRef) { return put(value); }
  bool on_uint64(uint64_t value, std::string_view, ErrorRef) { return put(value); }
  bool on_double(double value, std::string_view, ErrorRef) { return put(value); }
  bool on_bool(bool value, ErrorRef) { return put(value); }
  bool on_null(ErrorRef) { return put(nullptr); }
  bool on_comment_part(std::string_view, ErrorRef) { return true; }
  bool on_comment(std::string_view, ErrorRef) { return true; }

 private:
  // Where the value that comes now belongs. The pointers in `open_` stay good: a container grows only while none
  // inside it is open.
  json::value& place() {
    if (open_.empty()) {
      return root_;
    }
    return open_.back()->is_array() ? open_.back()->get_array().emplace_back(nullptr) : *named_;
  }
  json::value& open(json::value& value) {
    open_.push_back(&value);
    return value;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  template <class Value>
  bool put(Value value) {
    place() = value;
    return true;
  }

  // A text with escapes comes in parts.
  bool gather(std::string_view part) {
    parts_ += part;
    return true;
  }
  std::string_view gathered(std::string_view last_part) {
    return parts_.empty() ? last_part : std::string_view(parts_ += last_part);
  }

  json::value root_;
  boost::container::small_vector<json::value*, kDepthMax> open_;
  json::value* named_ = nullptr;  // by the key that came last
  std::string parts_;
  bool named_twice_ = false;
};

}  // namespace

Result<json::object> parse_object(std::string_view text, json::storage_ptr memory) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::basic_parser<ValueBuilder> parser(options, std::move(memory));
  const size_t parsed = parser.write_some(/*more=*/false, text.data(), text.size(), error);
  if (parser.handler().named_twice()) {
    return fail(ErrorCode::kMalformedJson, "must not name a field twice");
  }
  if (!error && parsed < text.size()) {
    error = json::error::extra_data;
  }
  if (error) {
    return fail(ErrorCode::kMalformedJson, fmt::format("must be UTF-8 JSON: {}", error.message()));
  }
  json::value value = parser.handler().release();
  if (!value.is_object()) {
    return fail(ErrorCode::kMalformedJson, "must be a JSON object");
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

Result<std::string> read_one_text(std::string_view body, std::string_view field, size_t bytes_max) {
  JsonInput input(body);
  std::string text = input.text(field, bytes_max);
  if (const auto finished = input.finish(); !finished) {
    return std::unexpected(finished.error());
  }
  return text;
}

}  // namespace hongbao
