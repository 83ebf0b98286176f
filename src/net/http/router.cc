#include "net/http/router.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <cstdint>
#include <optional>

namespace hongbao {
namespace {

// What `{}` stands for; nullopt when the path doesn't match.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const size_t hole = pattern.find("{}");
  if (hole == std::string_view::npos) {
    return pattern == path ? std::optional<std::string_view>("") : std::nullopt;
  }
  const std::string_view before = pattern.substr(0, hole);
  const std::string_view after = pattern.substr(hole + 2);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) {
    return std::nullopt;
  }
  const std::string_view name = path.substr(before.size(), path.size() - before.size() - after.size());
  return name.find_first_of("/:") == std::string_view::npos ? std::optional(name) : std::nullopt;
}

// Well-formed as in RFC 3629.
bool is_utf8(std::string_view text) {
  constexpr uint32_t kLeastOfLength[] = {0, 0, 0x80, 0x800, 0x10000};
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
    if (length == 0 || length > text.size() - i) {
      return false;
    }
    uint32_t code = length == 1 ? lead : lead & (0x7fU >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<uint8_t>(text[i + k]);
      if ((next & 0xc0) != 0x80) {
        return false;
      }
      code = code << 6 | (next & 0x3fU);
    }
    if (code < kLeastOfLength[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      return false;
    }
    i += length;
  }
  return true;
}

// RFC 3986, section 3.3, but for escapes.
bool is_plain_path(std::string_view text) {
  return text.starts_with('/') && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '/' && c <= ':') ||
                  std::string_view("-._~!$&'()*+,;=@").contains(c);
         });
}

// REQUIRES: every '%' begins an escape.
std::string decode_path(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = static_cast<unsigned char>(text[i]);
    if (byte == '%') {
      std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      if (byte == '/' || byte == ':') {
        path += text.substr(i, 3);
      } else {
        path += static_cast<char>(byte);
      }
      i += 2;
    } else {
      path += static_cast<char>(byte);
    }
  }
  return path;
}

// RFC 9112, section 3.2: what stands before the path is the server's business, and this one has one name for all.
Result<boost::urls::url_view> parse_url(std::string_view target) {
  const auto malformed = [](const char* rule) { return fail(ErrorCode::kMalformedRequest, rule, "target"); };
  constexpr const char* kRule = "must be a path and a query as in RFC 3986";
  if (target.starts_with('/')) {
    const auto url = boost::urls::parse_origin_form(target);
    return url ? Result<boost::urls::url_view>(*url) : malformed(kRule);
  }
  const auto url = boost::urls::parse_absolute_uri(target);
  if (!url) {
    return malformed(kRule);
  }
  const bool is_http = url->scheme_id() == boost::urls::scheme::http || url->scheme_id() == boost::urls::scheme::https;
  const std::string_view path = url->encoded_path();
  if (!is_http || url->encoded_host().empty() || url->has_userinfo() ||  // RFC 9110, section 4.2
      (!path.empty() && path.front() != '/')) {  // Boost 1.81 takes the x of http://host:x for one
    return malformed("must be a path, or http and a host before it");
  }
  return *url;
}

}  // namespace

Result<Target> parse_target(std::string_view target) {
  // Most targets are a plain path.
  if (is_plain_path(target) || target == "*") {
    return Target{std::string(target), {}};
  }
  const auto url = parse_url(target);
  if (!url) {
    return std::unexpected(url.error());
  }
  const std::string_view path = url->encoded_path();
  Target parsed{path.empty() ? "/" : decode_path(path), {}};
  bool readable = is_utf8(parsed.path);
  std::vector<std::string> names;
  for (const auto& param : url->params()) {
    if (param.key.empty() && !param.has_value) {  // of "?", "?&" or "?a=b&"
      continue;
    }
    readable = readable && is_utf8(param.key) && is_utf8(param.value);
    parsed.query.emplace_back(param.key, param.value);
    names.push_back(param.key);
  }
  if (!readable) {  // it could not be named in an answer
    return fail(ErrorCode::kMalformedRequest, "must be UTF-8 behind its escapes", "target");
  }
  std::ranges::sort(names);
  if (std::ranges::adjacent_find(names) != names.end()) {  // readers could disagree on which one counts
    return fail(ErrorCode::kMalformedRequest, "must not name a parameter twice", "target");
  }
  return parsed;
}

Result<Match> Router::find(http::verb method, std::string_view path) const {
  const http::verb wanted = method == http::verb::head ? http::verb::get : method;
  for (size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method != wanted) {
      continue;
    }
    if (const auto name = match(routes_[i].pattern, path)) {
      return Match{i, *name};
    }
  }
  if (path == "*") {
    return fail(ErrorCode::kMalformedRequest, "must be a path, but for OPTIONS", "target");
  }
  const auto methods = allowed(path);
  if (!methods) {
    return std::unexpected(methods.error());
  }
  return fail(ErrorCode::kMethodNotAllowed, "the path takes " + *methods, *methods);
}

Result<void> Router::check_parameters(const Match& match, const Target& target) const {
  for (const auto& [name, value] : target.query) {
    const auto& known = routes_[match.route].parameters;
    if (std::ranges::find(known, name) == known.end()) {
      return fail(ErrorCode::kUnknownField, "is not a parameter of this call", name);
    }
  }
  return {};
}

Result<std::string> Router::allowed(std::string_view path) const {
  constexpr std::pair<http::verb, std::string_view> kNames[] = {
      {http::verb::get, "GET, HEAD"}, {http::verb::post, "POST"}, {http::verb::put, "PUT"}};
  std::string methods;
  for (const auto& [method, names] : kNames) {
    const bool takes = std::ranges::any_of(routes_, [&](const Route& route) {
      return route.method == method && (path == "*" || match(route.pattern, path));
    });
    if (takes) {
      methods += names;
      methods += ", ";
    }
  }
  if (methods.empty()) {
    return fail(ErrorCode::kNoSuchPath, "is not a path of this API", "path");
  }
  return methods + "OPTIONS";
}

}  // namespace hongbao
