#include "apps/load/endpoint.h"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace hongbao::load {

std::string Endpoint::authority() const {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Endpoint> parse_endpoint(std::string_view url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed || parsed->scheme() != "http" || parsed->encoded_host().empty()) {
    return fail(ErrorCode::kInvalidField, fmt::format("'{}' is not of the form http://host:port", url));
  }
  const std::string path = parsed->path();
  if ((!path.empty() && path != "/") || parsed->has_query() || parsed->has_fragment()) {
    return fail(ErrorCode::kInvalidField, fmt::format("'{}' must end after its port", url));
  }
  if (parsed->has_port() && parsed->port_number() == 0) {
    return fail(ErrorCode::kInvalidField, fmt::format("'{}' has no valid port", url));
  }
  return Endpoint{.host = parsed->host_address(), .port = parsed->has_port() ? parsed->port_number() : uint16_t{80}};
}

}  // namespace hongbao::load
