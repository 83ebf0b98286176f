// Finds the route of a request. Patterns hold at most one placeholder `{}` for a name without '/' and ':'. Built at
// start, then any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "edge/http_types.h"

namespace hongbao {

// A request's target, taken apart: the path without escapes, and the query's pairs.
struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
};
// kMalformedRequest for what RFC 3986 does not allow, for what is not UTF-8 behind its escapes, and for a parameter
// named twice.
Result<Target> parse_target(std::string_view target);

struct Match {
  size_t route = 0;       // index in the order of `add`
  std::string_view name;  // what the placeholder stands for; part of the path
};

class Router {
 public:
  void add(http::verb method, std::string_view pattern) { routes_.push_back({method, pattern}); }

  // kNoSuchPath, or kMethodNotAllowed with the allowed methods in `field`.
  [[nodiscard]] Result<Match> find(http::verb method, std::string_view path) const;

 private:
  struct Route {
    http::verb method;
    std::string_view pattern;
  };
  std::vector<Route> routes_;
};

}  // namespace hongbao
