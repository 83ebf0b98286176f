#include "edge/router.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cstdint>
#include <optional>

#include "edge/idempotency_key.h"

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

}  // namespace

Result<Target> parse_target(std::string_view target) {
  // Most targets are a plain path.
  if (target.find_first_of("%?#") == std::string_view::npos && is_visible_ascii(target)) {
    return Target{std::string(target), {}};
  }
  const auto url = boost::urls::parse_origin_form(target);
  if (!url) {
    return fail(ErrorCode::kMalformedRequest, "must be a path and a query as in RFC 3986", "target");
  }
  Target parsed{std::string(url->encoded_path().decode()), {}};
  bool readable = is_utf8(parsed.path);
  std::vector<std::string> names;
  for (const auto& param : url->params()) {
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
  std::string allowed;
  for (size_t i = 0; i < routes_.size(); ++i) {
    const auto name = match(routes_[i].pattern, path);
    if (!name) {
      continue;
    }
    if (routes_[i].method == method) {
      return Match{i, *name};
    }
    allowed += allowed.empty() ? "" : ", ";
    allowed += std::string_view(http::to_string(routes_[i].method));
  }
  if (allowed.empty()) {
    return fail(ErrorCode::kNoSuchPath, "is not a path of this API", "path");
  }
  return fail(ErrorCode::kMethodNotAllowed, "the path takes " + allowed, allowed);
}

}  // namespace hongbao
