#include "api/jwt.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/json/serialize.hpp>

#include "api/json_input.h"
#include "base/crypto.h"

namespace hongbao {
namespace {

namespace json = boost::json;
using boost::beast::iequals;

std::unexpected<Error> refuse(std::string rule) {
  return fail(ErrorCode::kUnauthenticated, std::move(rule), "Authorization");
}

std::string signature(std::string_view secret, std::string_view text) {
  return to_base64url(hmac_sha256(as_bytes(secret), as_bytes(text)));
}

Result<json::object> decode(std::string_view part, const char* name) {
  const auto text = from_base64url(part);
  if (!text) {
    return refuse(fmt::format("must be a token whose {} is base64url, without padding", name));
  }
  auto object = parse_object(*text);
  return object
             ? std::move(object)
             : refuse(fmt::format("must be a token whose {} is one JSON object: it {}", name, object.error().detail));
}

// RFC 8725, section 3.11: a token that says what it is for is for this. RFC 7515, section 4.1.9: a media type whose
// "application/" may be left out.
bool is_known_type(const json::value& type) {
  if (!type.is_string()) {
    return false;
  }
  constexpr std::string_view kPrefix = "application/";
  std::string_view name = type.get_string();
  if (iequals(name.substr(0, kPrefix.size()), kPrefix)) {
    name.remove_prefix(kPrefix.size());
  }
  return iequals(name, "JWT") || iequals(name, "at+jwt");
}

// What else it says (`kid`, `jku`, `jwk`, `x5u`, …) could name a key, and ours are known.
Result<void> check_header(const json::object& header) {
  const json::value* algorithm = header.if_contains("alg");
  if (algorithm == nullptr || !algorithm->is_string() || algorithm->get_string() != "HS256") {
    return refuse("must be a token signed with HS256");
  }
  if (header.contains("crit")) {  // RFC 7515, section 4.1.11
    return refuse("must be a token without `crit`: no extension is understood");
  }
  if (const json::value* type = header.if_contains("typ"); type != nullptr && !is_known_type(*type)) {
    return refuse("must be a token whose `typ` is JWT or at+jwt");
  }
  return {};
}

}  // namespace

Result<json::object> read_jwt(std::string_view token, std::span<const std::string> secrets) {
  if (token.size() > kJwtLengthMax) {
    return refuse(fmt::format("is a token of {} characters: at most {} are taken", token.size(), kJwtLengthMax));
  }
  const auto dots = std::ranges::count(token, '.');
  if (dots == 4) {
    return refuse("must be a token that is signed, not encrypted");
  }
  if (dots != 2) {
    return refuse("must be a token of three parts with dots between them");
  }
  const size_t first = token.find('.');
  const size_t last = token.rfind('.');
  const auto header = decode(token.substr(0, first), "header");
  const auto checked = header ? check_header(*header) : std::unexpected(header.error());
  if (!checked) {
    return std::unexpected(checked.error());
  }
  const std::string_view claimed = token.substr(last + 1);
  if (!from_base64url(claimed)) {
    return refuse("must be a token whose signature is base64url, without padding");
  }
  bool is_signed = false;
  for (const std::string& secret : secrets) {  // all, so that time does not tell which
    const std::string expected = signature(secret, token.substr(0, last));
    is_signed |= equal_constant_time(as_bytes(claimed), as_bytes(expected));
  }
  if (!is_signed) {
    return refuse("is not a token signed by this system");
  }
  return decode(token.substr(first + 1, last - first - 1), "payload");
}

std::string sign_jwt(const json::object& claims, std::string_view secret) {
  const std::string text =
      to_base64url(as_bytes(R"({"alg":"HS256","typ":"JWT"})")) + "." + to_base64url(as_bytes(json::serialize(claims)));
  return text + "." + signature(secret, text);
}

}  // namespace hongbao
