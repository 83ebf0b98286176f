#include "apps/http_address.h"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "base/number.h"

namespace hongbao {

std::string HttpAddress::authority() const {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<HttpAddress> parse_http_url(std::string_view url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed || parsed->scheme() != "http" || parsed->encoded_host().empty() || parsed->has_userinfo()) {
    return fail(ErrorCode::kInvalidField, fmt::format("'{}' is not of the form http://host:port", url));
  }
  const std::string path = parsed->path();
  if ((!path.empty() && path != "/") || parsed->has_query() || parsed->has_fragment()) {
    return fail(ErrorCode::kInvalidField, fmt::format("'{}' must end after its port", url));
  }
  const auto port = parsed->has_port() ? parse_decimal<uint16_t>(parsed->port()) : uint16_t{80};
  if (!port || *port == 0) {
    return fail(ErrorCode::kInvalidField, fmt::format("'{}' has no valid port", url));
  }
  return HttpAddress{.host = parsed->host_address(), .port = *port};
}

}  // namespace hongbao
