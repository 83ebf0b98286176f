// Where a server listens, from an http:// URL. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hongbao::load {

struct Endpoint {
  std::string host;
  uint16_t port = 80;

  // As the Host header has it.
  [[nodiscard]] std::string authority() const;
};

// kInvalidField unless it is http://host[:port] with nothing but "/" after it.
Result<Endpoint> parse_endpoint(std::string_view url);

}  // namespace hongbao::load
