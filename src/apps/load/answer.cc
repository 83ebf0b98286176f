#include "apps/load/answer.h"

#include <charconv>

namespace hongbao::load {

void Answer::clear() {
  status = 0;
  retry_after_s = 0;
  body.clear();
}

void AnswerParser::on_response_impl(int status, Text, int, ErrorRef) {
  answer_.status = static_cast<unsigned>(status);
}

void AnswerParser::on_field_impl(boost::beast::http::field name, Text, Text value, ErrorRef) {
  if (name == boost::beast::http::field::retry_after) {
    std::from_chars(value.data(), value.data() + value.size(), answer_.retry_after_s);
  }
}

void AnswerParser::on_body_init_impl(const boost::optional<uint64_t>& length, ErrorRef) {
  answer_.body.reserve(length.value_or(0));
}

size_t AnswerParser::on_body_impl(Text body, ErrorRef) {
  answer_.body.append(body.data(), body.size());
  return body.size();
}

size_t AnswerParser::on_chunk_body_impl(uint64_t, Text body, ErrorRef) {
  answer_.body.append(body.data(), body.size());
  return body.size();
}

const boost::json::object* JsonReader::read(std::string_view text) {
  value_.reset();
  memory_.release();
  parser_.reset(&memory_);
  boost::json::error_code error;
  parser_.write(text.data(), text.size(), error);
  if (error) {
    return nullptr;
  }
  value_.emplace(parser_.release());
  return value_->if_object();
}

std::optional<std::string_view> text_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) {
    return std::nullopt;
  }
  return std::string_view(value->get_string().data(), value->get_string().size());
}

std::optional<int64_t> integer_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || !(value->is_int64() || value->is_uint64())) {
    return std::nullopt;
  }
  return value->is_int64() ? value->get_int64() : static_cast<int64_t>(value->get_uint64());
}

const boost::json::object* object_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

const boost::json::array* array_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_array();
}

}  // namespace hongbao::load
