// Finds the route of a request. Patterns hold at most one placeholder `{}` for a name without '/' and ':'. HEAD is
// taken wherever GET is. Built at start, then any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http/types.h"

namespace hongbao {

// A request's target, taken apart: the path without escapes, and the query's pairs.
struct Target {
  std::string path;  // "*" for the server itself
  std::vector<std::pair<std::string, std::string>> query;
};
// Takes a path with its query, the same behind http://HOST, and "*" (RFC 9112, section 3.2). An escape of a '/' or ':'
// stays one: it is no delimiter (RFC 3986, section 2.2), and whoever looked at the path before saw none. Dot segments
// and empty ones are names like others.
//
// kMalformedRequest for what RFC 3986 does not allow, for what is not UTF-8 behind its escapes, and for a parameter
// named twice.
Result<Target> parse_target(std::string_view target);

struct Match {
  size_t route = 0;       // index in the order of `add`
  std::string_view name;  // what the placeholder stands for; part of the path
};

class Router {
 public:
  // `parameters`: those that a query may have.
  void add(http::verb method, std::string_view pattern, std::vector<std::string_view> parameters = {}) {
    routes_.push_back({method, pattern, std::move(parameters)});
  }

  // kNoSuchPath, kMalformedRequest for "*", or kMethodNotAllowed with the allowed methods in `field`.
  [[nodiscard]] Result<Match> find(http::verb method, std::string_view path) const;
  // kUnknownField.
  [[nodiscard]] Result<void> check_parameters(const Match& match, const Target& target) const;
  // The methods that the path takes, as the header Allow lists them; of "*", those that any path takes. kNoSuchPath.
  [[nodiscard]] Result<std::string> allowed(std::string_view path) const;

 private:
  struct Route {
    http::verb method;
    std::string_view pattern;
    std::vector<std::string_view> parameters;
  };
  std::vector<Route> routes_;
};

}  // namespace hongbao
