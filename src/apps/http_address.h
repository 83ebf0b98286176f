// Where a server is, from an http:// URL. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hongbao {

struct HttpAddress {
  std::string host;  // a name or an address, without brackets
  uint16_t port = 80;

  // As the Host header has it.
  [[nodiscard]] std::string authority() const;
};

// kInvalidField unless it is http://host[:port] with nothing but "/" after it.
Result<HttpAddress> parse_http_url(std::string_view url);

}  // namespace hongbao
