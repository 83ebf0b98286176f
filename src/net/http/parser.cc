#include "net/http/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

#include "net/http/rules.h"

namespace hongbao {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr size_t kAroundField = 4;  // ": " and the line's end
constexpr std::string_view kLastChunk = "0\r\n\r\n";

Error malformed(std::string rule, std::string field = "request") {
  return {ErrorCode::kMalformedRequest, std::move(rule), std::move(field)};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Where a request line that Beast did not take for its version has that version's numbers; npos when it has none.
size_t find_version(std::string_view line) {
  constexpr std::string_view kName = " HTTP/";
  line = line.substr(0, line.find(kLineEnd));
  const size_t at = line.rfind(' ') + kName.size();
  const bool named = std::ranges::count(line, ' ') == 2 && at + 3 == line.size() &&
                     line.substr(at - kName.size()).starts_with(kName) && is_digit(line[at]) && line[at + 1] == '.' &&
                     is_digit(line[at + 2]);
  return named ? at : std::string_view::npos;
}

}  // namespace

HttpRequestParser::HttpRequestParser(HttpRequest& request, size_t header_bytes_max, uint64_t body_bytes_max)
    : request_(request),
      header_bytes_max_(header_bytes_max),
      body_bytes_max_(body_bytes_max),
      around_left_(header_bytes_max) {
  request_.clear();
  eager(true);
  header_limit(static_cast<uint32_t>(header_bytes_max));
  body_limit(body_bytes_max);
}

Result<size_t> HttpRequestParser::put(std::string_view bytes) {
  size_t taken = 0;
  while (!has_begun() && bytes.substr(taken).starts_with(kLineEnd)) {  // RFC 9112, section 2.2
    taken += kLineEnd.size();
  }
  std::string_view left = bytes.substr(taken);
  // What is left of a chunked body has at least so many bytes, and Beast 1.81 asserts it of the last chunk.
  const bool too_few = has_begun() && is_header_done() && chunked() ? left.size() < kLastChunk.size()
                                                                    : left.empty() || left == kLineEnd.substr(0, 1);
  if (too_few) {
    return taken;
  }
  boost::beast::error_code error;
  size_t more = basic_parser::put(boost::asio::buffer(left.data(), left.size()), error);
  if (const size_t version = error == http::error::bad_version ? find_version(left) : std::string_view::npos;
      version != std::string_view::npos && left[version] == '1') {
    // A later minor version is read as the latest known (RFC 9110, section 2.5), which Beast does not do.
    std::string as_known(left);
    as_known[version + 2] = '1';
    more = basic_parser::put(boost::asio::buffer(as_known), error);
  }
  taken += more;
  left.remove_prefix(more);
  if (error && error != http::error::need_more) {
    return std::unexpected(refused_ ? *refused_ : refusal(error, left));
  }
  // Beast bounds headers, but leaves chunk extensions and trailers in the buffer until they are whole.
  if (!is_done() && left.size() > header_bytes_max_) {
    return fail(ErrorCode::kHeaderTooLarge, "is longer than the server takes", "header");
  }
  return taken;
}

// RFC 9112, section 9.3: close counts before everything else, in HTTP/1.0 as well.
bool HttpRequestParser::keep_alive() const {
  return basic_parser::keep_alive() &&
         std::ranges::none_of(request_.list(http::field::connection),
                              [](std::string_view option) { return boost::beast::iequals(option, "close"); });
}

// `left` begins with what Beast did not take.
Error HttpRequestParser::refusal(const boost::beast::error_code& error, std::string_view left) const {
  if (error == http::error::header_limit) {
    return request_.version() == 0 && !left.substr(0, header_bytes_max_).contains(kLineEnd)
               ? Error{ErrorCode::kTargetTooLong, "is longer than the server takes", "target"}
               : Error{ErrorCode::kHeaderTooLarge, "is longer than the server takes", "header"};
  }
  if (error == http::error::body_limit) {
    return {ErrorCode::kBodyTooLarge, fmt::format("must not be longer than {} bytes", body_bytes_max_), "body"};
  }
  if (error == http::error::bad_version && find_version(left) != std::string_view::npos) {
    return {ErrorCode::kVersionNotSupported, "must be 1.1 or 1.0", "version"};
  }
  if (error == http::error::bad_content_length || error == http::error::multiple_content_length) {
    return malformed("must be one decimal number, and not stand beside Transfer-Encoding", "Content-Length");
  }
  if (error == http::error::bad_transfer_encoding) {
    return malformed("must be there once, and not beside Content-Length", "Transfer-Encoding");
  }
  return malformed("must be HTTP/1.1 as in RFC 9112: " + error.message());
}

void HttpRequestParser::on_request_impl(http::verb method, Text, Text target, int version, ErrorRef error) {
  if (!std::ranges::all_of(target, [](char c) { return c > ' ' && c < 0x7f; })) {
    refused_ = malformed("must be visible ASCII", "target");
    error = http::error::bad_target;
  }
  request_.method_ = method;
  request_.version_ = version;
  request_.target_ = target;
}

void HttpRequestParser::on_field_impl(http::field field, Text name, Text value, ErrorRef error) {
  if (!in_head_) {  // a trailer must not pass for a header (RFC 9110, section 6.5.1)
    count_around(name.size() + value.size() + kAroundField, error);
    return;
  }
  std::string& text = request_.text_;
  const auto name_at = static_cast<uint32_t>(text.size());
  text.append(name.data(), name.size()).append(value.data(), value.size());
  request_.headers_.push_back(
      {field, name_at, name_at + static_cast<uint32_t>(name.size()), static_cast<uint32_t>(text.size())});
}

void HttpRequestParser::on_header_impl(ErrorRef error) {
  in_head_ = false;
  if (const auto checked = check_head(request_); !checked) {
    refused_ = checked.error();
    error = http::error::bad_field;
  }
}

void HttpRequestParser::on_body_init_impl(const boost::optional<uint64_t>& length, ErrorRef) {
  request_.body_.reserve(length.value_or(0));  // within the body limit
}

size_t HttpRequestParser::on_body_impl(Text body, ErrorRef) {
  request_.body_.append(body.data(), body.size());
  return body.size();
}

void HttpRequestParser::on_chunk_header_impl(uint64_t, Text extensions, ErrorRef error) {
  count_around(extensions.size(), error);
}

size_t HttpRequestParser::on_chunk_body_impl(uint64_t, Text body, ErrorRef) {
  request_.body_.append(body.data(), body.size());
  return body.size();
}

void HttpRequestParser::count_around(size_t bytes, ErrorRef error) {
  if (bytes > around_left_) {
    error = http::error::header_limit;
    return;
  }
  around_left_ -= bytes;
}

}  // namespace hongbao
