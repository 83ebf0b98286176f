#include "net/http/rules.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/url/authority_view.hpp>

namespace hongbao {
namespace {

using boost::beast::iequals;

// Readers of a second one could disagree on which counts.
constexpr http::field kSingle[] = {http::field::authorization, http::field::content_length, http::field::content_type,
                                   http::field::host};
constexpr std::string_view kSingleOfOurs[] = {"Idempotency-Key", "Hongbao-Signature"};

std::unexpected<Error> breaks_rule(std::string rule, std::string field) {
  return fail(ErrorCode::kMalformedRequest, std::move(rule), std::move(field));
}

Result<void> check_single(const HttpRequest& request) {
  for (const http::field field : kSingle) {
    if (request.count(field) > 1) {
      return breaks_rule("must not be there twice", std::string(http::to_string(field)));
    }
  }
  for (const std::string_view name : kSingleOfOurs) {
    if (request.count(name) > 1) {
      return breaks_rule("must not be there twice", std::string(name));
    }
  }
  return {};
}

// RFC 9112, section 6. Beast refuses a length beside a coding, and takes codings that it does not know for none, and
// a list of equal lengths for one.
Result<void> check_framing(const HttpRequest& request) {
  constexpr auto kCoding = http::field::transfer_encoding;
  const std::string_view length = request.header(http::field::content_length);
  if (!std::ranges::all_of(length, [](char c) { return c >= '0' && c <= '9'; })) {
    return breaks_rule("must be one decimal number", "Content-Length");
  }
  if (request.count(kCoding) == 0) {
    return {};
  }
  if (request.version() == 10) {
    return breaks_rule("must not stand in HTTP/1.0", "Transfer-Encoding");
  }
  const auto codings = request.list(kCoding);
  const auto is_chunked = [](std::string_view coding) { return iequals(coding, "chunked"); };
  if (codings.empty() || !is_chunked(codings.back()) || std::ranges::count_if(codings, is_chunked) != 1) {
    return breaks_rule("must end with chunked, once", "Transfer-Encoding");
  }
  return codings.size() == 1 ? Result<void>()
                             : fail(ErrorCode::kNotImplemented, "must be chunked alone", "Transfer-Encoding");
}

// RFC 9110, section 7.2, and RFC 9112, section 3.2.
Result<void> check_host(const HttpRequest& request) {
  if (request.count(http::field::host) == 0) {
    return request.version() == 10 ? Result<void>() : breaks_rule("is required", "Host");
  }
  const std::string_view host = request.header(http::field::host);
  const auto authority = boost::urls::parse_authority({host.data(), host.size()});
  if (!authority || authority->has_userinfo()) {
    return breaks_rule("must be a host, and a port if it has one", "Host");
  }
  return {};
}

}  // namespace

Result<void> check_head(const HttpRequest& request) {
  if (request.method() == http::verb::unknown || request.method() == http::verb::connect) {
    return fail(ErrorCode::kNotImplemented, "must be GET, HEAD, POST, PUT or OPTIONS", "method");
  }
  if (const auto single = check_single(request); !single) {
    return single;
  }
  if (const auto framing = check_framing(request); !framing) {
    return framing;
  }
  if (const auto host = check_host(request); !host) {
    return host;
  }
  for (const std::string_view expected : request.list(http::field::expect)) {
    if (!iequals(expected, "100-continue")) {
      return fail(ErrorCode::kExpectationFailed, "must be 100-continue", "Expect");
    }
  }
  for (const std::string_view coding : request.list(http::field::content_encoding)) {
    if (!iequals(coding, "identity")) {
      return fail(ErrorCode::kUnsupportedMediaType, "must not be there: bodies are taken as they are",
                  "Content-Encoding");
    }
  }
  // RFC 9110, section 14.5.
  if (request.method() == http::verb::put && request.count(http::field::content_range) > 0) {
    return breaks_rule("must not be there: what is put is put whole", "Content-Range");
  }
  return {};
}

// RFC 9110, section 13.1.
Result<void> check_preconditions(const HttpRequest& request) {
  const auto is_any = [](std::string_view tag) { return tag == "*"; };
  if (!std::ranges::all_of(request.list(http::field::if_match), is_any)) {
    return fail(ErrorCode::kPreconditionFailed, "can't hold: nothing here has an entity tag", "If-Match");
  }
  if (request.method() == http::verb::put && std::ranges::any_of(request.list(http::field::if_none_match), is_any)) {
    return fail(ErrorCode::kPreconditionFailed, "can't hold: what can be put is there already", "If-None-Match");
  }
  return {};
}

}  // namespace hongbao
