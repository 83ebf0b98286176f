#include "edge/router.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
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

}  // namespace

Result<Target> parse_target(std::string_view target) {
  // Most targets are a plain path.
  if (target.find_first_of("%?#") == std::string_view::npos) {
    return Target{std::string(target), {}};
  }
  const auto url = boost::urls::parse_origin_form(target);
  if (!url) {
    return fail(ErrorCode::kMalformedRequest, "must be a path and a query as in RFC 3986", "target");
  }
  Target parsed{std::string(url->encoded_path().decode()), {}};
  for (const auto& param : url->params()) {
    parsed.query.emplace_back(param.key, param.value);
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
