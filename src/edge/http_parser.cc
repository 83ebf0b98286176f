#include "edge/http_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <cstring>
#include <utility>

#include "edge/http_rules.h"

namespace hongbao {
namespace {

using boost::beast::iequals;

constexpr size_t kChunkDigitsMax = 16;

std::unexpected<Error> malformed(std::string rule, std::string field = "request") {
  return fail(ErrorCode::kMalformedRequest, std::move(rule), std::move(field));
}

std::unexpected<Error> body_too_large(uint64_t bytes_max) {
  return fail(ErrorCode::kBodyTooLarge, fmt::format("must not be longer than {} bytes", bytes_max), "body");
}

std::unexpected<Error> header_too_large(const char* field) {
  return fail(ErrorCode::kHeaderTooLarge, "is longer than the server takes", field);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// RFC 9110, section 5.6.2.
constexpr auto kTokenCharacters = [] {
  std::array<bool, 256> table{};
  for (const char c :
       std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return kTokenCharacters[static_cast<unsigned char>(c)]; });
}

// How many bytes at the front are certainly no control characters: eight at a time.
size_t count_plain(std::string_view bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x80 * kOnes;
  size_t count = 0;
  for (uint64_t word = 0; count + sizeof word <= bytes.size(); count += sizeof word) {
    std::memcpy(&word, bytes.data() + count, sizeof word);
    const uint64_t deletes = word ^ 0x7f * kOnes;
    const uint64_t below_space = (word - ' ' * kOnes) & ~word;
    const uint64_t zero = (deletes - kOnes) & ~deletes;
    if (((below_space | zero) & kHighs) != 0) {
      break;
    }
  }
  return count;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(kSpace)));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

struct Field {
  std::string_view name;
  std::string_view value;
};

// RFC 9112, section 5: no white space before the colon, and no line that goes on in the next one.
Result<Field> read_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') {
    return malformed("must not fold a header line", "header");
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return malformed("must be a name, a colon right behind it, and a value", "header");
  }
  return Field{line.substr(0, colon), trim(line.substr(colon + 1))};
}

std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? std::optional<unsigned>(lower - 'a' + 10) : std::nullopt;
}

}  // namespace

HttpRequestParser::HttpRequestParser(HttpRequest& request, size_t header_bytes_max, uint64_t body_bytes_max)
    : request_(request),
      line_bytes_max_(header_bytes_max),
      body_bytes_max_(body_bytes_max),
      header_left_(header_bytes_max),
      around_left_(header_bytes_max) {
  request_.clear();
}

Result<size_t> HttpRequestParser::put(std::string_view bytes) {
  size_t taken = 0;
  while (!is_done()) {
    const auto more = step(bytes.substr(taken));
    if (!more) {
      return std::unexpected(more.error());
    }
    if (*more == 0) {
      break;
    }
    taken += *more;
  }
  return taken;
}

Result<size_t> HttpRequestParser::step(std::string_view bytes) {
  switch (state_) {
    case State::kRequestLine:
      return take_request_line(bytes);
    case State::kFields:
    case State::kTrailers:
      return take_field(bytes);
    case State::kBody:
    case State::kChunk:
      return take_body(bytes);
    case State::kChunkSize:
      return take_chunk_size(bytes);
    case State::kChunkEnd:
      return take_chunk_end(bytes);
    case State::kDone:
      break;
  }
  return 0;
}

// A line ends with CR LF and nothing else: a reader that takes less, or leaves out what it does not know, sees other
// lines than one that does not.
Result<HttpRequestParser::Line> HttpRequestParser::find_line(std::string_view bytes) {
  scanned_ += count_plain(bytes.substr(scanned_));
  for (; scanned_ < bytes.size(); ++scanned_) {
    const auto c = static_cast<unsigned char>(bytes[scanned_]);
    if ((c >= ' ' && c != 0x7f) || c == '\t') {
      continue;
    }
    if (c == '\r' && scanned_ + 1 == bytes.size()) {
      return Line();
    }
    if (c == '\r' && bytes[scanned_ + 1] == '\n') {
      return Line(bytes.substr(0, std::exchange(scanned_, 0)));
    }
    return malformed("must be lines that end with CR LF, without control characters");
  }
  return Line();
}

Result<size_t> HttpRequestParser::take_request_line(std::string_view bytes) {
  const auto line = find_line(bytes);
  if (!line) {
    return std::unexpected(line.error());
  }
  if ((*line ? (*line)->size() : bytes.size()) > line_bytes_max_) {
    return is_token(bytes.substr(0, bytes.find(' ')))
               ? fail(ErrorCode::kTargetTooLong, "is longer than the server takes", "target")
               : malformed("must begin with a method, a target and a version");
  }
  if (!*line) {
    return 0;
  }
  if (const size_t length = (*line)->size(); length > 0) {  // empty lines are ignored (RFC 9112, section 2.2)
    if (const auto read = read_request_line(**line); !read) {
      return std::unexpected(read.error());
    }
    state_ = State::kFields;
  }
  return (*line)->size() + 2;
}

// RFC 9112, section 3: single spaces between, nothing around.
Result<void> HttpRequestParser::read_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  const std::string_view method = line.substr(0, first);
  if (first == last || !is_token(method)) {
    return malformed("must begin with a method, a target and a version");
  }
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  constexpr std::string_view kName = "HTTP/";
  if (version.size() != kName.size() + 3 || !version.starts_with(kName) || !is_digit(version[5]) || version[6] != '.' ||
      !is_digit(version[7])) {
    return malformed("must name its version as HTTP/1.1");
  }
  if (version[5] != '1') {
    return fail(ErrorCode::kVersionNotSupported, "must be 1.1 or 1.0", "version");
  }
  if (target.empty() || !std::ranges::all_of(target, [](char c) { return c > ' ' && c < 0x7f; })) {
    return malformed("must be visible ASCII without spaces", "target");
  }
  request_.method_ = http::string_to_verb({method.data(), method.size()});
  request_.target_ = target;
  request_.version_ = version[7] == '0' ? 10 : 11;  // a later minor version is read as the latest known (RFC 9110, 2.5)
  return {};
}

Result<size_t> HttpRequestParser::take_field(std::string_view bytes) {
  size_t& left = state_ == State::kFields ? header_left_ : around_left_;
  const auto line = find_line(bytes);
  if (!line) {
    return std::unexpected(line.error());
  }
  const size_t length = *line ? (*line)->size() + 2 : bytes.size();
  if (length > left) {
    return header_too_large(state_ == State::kFields ? "header" : "trailers");
  }
  if (!*line) {
    return 0;
  }
  left -= length;
  if ((*line)->empty()) {
    const auto ended = state_ == State::kFields ? end_head() : Result<void>();
    if (!ended) {
      return std::unexpected(ended.error());
    }
    if (state_ == State::kTrailers) {
      state_ = State::kDone;
    }
    return length;
  }
  const auto field = read_field(**line);
  if (!field) {
    return std::unexpected(field.error());
  }
  if (state_ == State::kFields) {  // a trailer must not pass for a header (RFC 9110, section 6.5.1)
    request_.add_header(field->name, field->value);
  }
  return length;
}

// Sets the state behind the head.
Result<void> HttpRequestParser::end_head() {
  keep_alive_ = request_.version() == 11;
  for (const std::string_view option : request_.list(http::field::connection)) {
    if (iequals(option, "close")) {
      keep_alive_ = false;
      break;
    }
    keep_alive_ = keep_alive_ || iequals(option, "keep-alive");
  }
  expects_continue_ = request_.version() == 11 && !request_.list(http::field::expect).empty();
  const auto framed = read_framing();
  return framed ? check_head(request_) : framed;
}

// RFC 9112, section 6.3.
Result<void> HttpRequestParser::read_framing() {
  constexpr auto kCoding = http::field::transfer_encoding;
  constexpr auto kLength = http::field::content_length;
  if (request_.count(kCoding) > 0) {
    if (request_.version() == 10 || request_.count(kLength) > 0) {
      return malformed("must not stand beside Content-Length, nor in HTTP/1.0", "Transfer-Encoding");
    }
    const auto codings = request_.list(kCoding);
    const auto is_chunked = [](std::string_view coding) { return iequals(coding, "chunked"); };
    if (codings.empty() || !is_chunked(codings.back()) || std::ranges::count_if(codings, is_chunked) != 1) {
      return malformed("must end with chunked, once", "Transfer-Encoding");
    }
    if (codings.size() > 1) {
      return fail(ErrorCode::kNotImplemented, "must be chunked alone", "Transfer-Encoding");
    }
    state_ = State::kChunkSize;
    return {};
  }
  state_ = State::kDone;
  if (request_.count(kLength) == 0) {
    return {};
  }
  const std::string_view digits = request_.header(kLength);
  if (request_.count(kLength) > 1 || digits.empty() || !std::ranges::all_of(digits, is_digit)) {
    return malformed("must be one decimal number", "Content-Length");
  }
  uint64_t length = 0;
  for (const char digit : digits) {
    length = length * 10 + static_cast<uint64_t>(digit - '0');
    if (length > body_bytes_max_) {
      return body_too_large(body_bytes_max_);
    }
  }
  if (length > 0) {
    request_.body_.reserve(length);
    body_left_ = length;
    state_ = State::kBody;
  }
  return {};
}

size_t HttpRequestParser::take_body(std::string_view bytes) {
  const std::string_view taken = bytes.substr(0, body_left_);
  request_.body_.append(taken);
  body_left_ -= taken.size();
  if (body_left_ == 0) {
    state_ = state_ == State::kBody ? State::kDone : State::kChunkEnd;
  }
  return taken.size();
}

// RFC 9112, section 7.1. Extensions are ignored.
Result<size_t> HttpRequestParser::take_chunk_size(std::string_view bytes) {
  const auto line = find_line(bytes);
  if (!line) {
    return std::unexpected(line.error());
  }
  const std::string_view text = line->value_or(bytes.substr(0, scanned_));  // what there is of it
  uint64_t size = 0;
  size_t digits = 0;
  for (; digits < text.size(); ++digits) {
    const auto digit = hex_digit(text[digits]);
    if (!digit) {
      break;
    }
    size = size * 16 + *digit;
    if (size > body_bytes_max_ - request_.body_.size()) {
      return body_too_large(body_bytes_max_);
    }
  }
  const std::string_view extensions = text.substr(digits);
  if (extensions.size() > around_left_) {
    return header_too_large("chunk extensions");
  }
  const std::string_view extension = trim(extensions);
  if (digits > kChunkDigitsMax || (digits == 0 && !text.empty()) || (!extension.empty() && extension.front() != ';')) {
    return malformed("must say how long its chunk is", "chunk");
  }
  if (!*line) {
    return 0;
  }
  if (digits == 0 || (extension.empty() && !extensions.empty())) {
    return malformed("must say how long its chunk is", "chunk");
  }
  around_left_ -= extensions.size();
  body_left_ = size;
  state_ = size == 0 ? State::kTrailers : State::kChunk;
  return text.size() + 2;
}

Result<size_t> HttpRequestParser::take_chunk_end(std::string_view bytes) {
  constexpr std::string_view kEnd = "\r\n";
  if (bytes.size() >= kEnd.size() ? !bytes.starts_with(kEnd) : !kEnd.starts_with(bytes)) {
    return malformed("must be as long as it says", "chunk");
  }
  if (bytes.size() < kEnd.size()) {
    return 0;
  }
  state_ = State::kChunkSize;
  return kEnd.size();
}

}  // namespace hongbao
