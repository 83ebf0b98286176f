// A small blocking HTTP client for the operator's commands: one request, one JSON answer. One thread.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "base/result.h"

namespace hongbao {

struct Endpoint {
  std::string url;    // http://HOST:PORT
  std::string token;  // bearer token
};

struct Answer {
  unsigned status = 0;
  boost::json::value body;
};

// kConfig for an URL that is none; kUnavailable when nobody answers there.
Result<Answer> ask_server(const Endpoint& endpoint, const std::string& method, const std::string& target,
                          const std::string& body = {});

}  // namespace hongbao
