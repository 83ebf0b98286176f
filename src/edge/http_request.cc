#include "edge/http_request.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

namespace hongbao {

void HttpRequest::clear() {
  method_ = http::verb::unknown;
  version_ = 0;
  target_.clear();
  body_.clear();
  text_.clear();
  headers_.clear();
}

void HttpRequest::add_header(std::string_view name, std::string_view value) {
  const auto name_at = static_cast<uint32_t>(text_.size());
  const auto value_at = static_cast<uint32_t>(name_at + name.size());
  text_.append(name).append(value);
  headers_.push_back(
      {http::string_to_field({name.data(), name.size()}), name_at, value_at, static_cast<uint32_t>(text_.size())});
}

std::string_view HttpRequest::name_of(const Header& header) const {
  return std::string_view(text_).substr(header.name_at, header.value_at - header.name_at);
}

std::string_view HttpRequest::value_of(const Header& header) const {
  return std::string_view(text_).substr(header.value_at, header.end - header.value_at);
}

std::string_view HttpRequest::header(http::field name) const {
  const auto found = std::ranges::find(headers_, name, &Header::field);
  return found == headers_.end() ? std::string_view() : value_of(*found);
}

std::optional<std::string_view> HttpRequest::find_header(std::string_view name) const {
  const auto found = std::ranges::find_if(
      headers_, [&](const Header& header) { return boost::beast::iequals(name_of(header), name); });
  return found == headers_.end() ? std::nullopt : std::optional(value_of(*found));
}

size_t HttpRequest::count(http::field name) const {
  return static_cast<size_t>(std::ranges::count(headers_, name, &Header::field));
}

HttpRequestParser::HttpRequestParser(HttpRequest& request) : request_(request) {
  request_.clear();
  eager(true);
}

void HttpRequestParser::on_request_impl(http::verb method, Text, Text target, int version, ErrorRef) {
  request_.method_ = method;
  request_.version_ = version;
  request_.target_ = target;
}

void HttpRequestParser::on_field_impl(http::field field, Text name, Text value, ErrorRef) {
  if (!in_header_) {  // a trailer must not pass for a header (RFC 9110, section 6.5.1)
    return;
  }
  std::string& text = request_.text_;
  const auto name_at = static_cast<uint32_t>(text.size());
  text.append(name.data(), name.size()).append(value.data(), value.size());
  request_.headers_.push_back(
      {field, name_at, name_at + static_cast<uint32_t>(name.size()), static_cast<uint32_t>(text.size())});
}

void HttpRequestParser::on_body_init_impl(const boost::optional<uint64_t>& length, ErrorRef) {
  request_.body_.reserve(length.value_or(0));  // within the parser's body limit
}

size_t HttpRequestParser::on_body_impl(Text body, ErrorRef) {
  request_.body_.append(body.data(), body.size());
  return body.size();
}

size_t HttpRequestParser::on_chunk_body_impl(uint64_t, Text body, ErrorRef) {
  request_.body_.append(body.data(), body.size());
  return body.size();
}

}  // namespace hongbao
