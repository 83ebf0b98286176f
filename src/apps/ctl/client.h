// A small HTTP client for the operator's commands: one request, one JSON answer, within a time. One thread.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "apps/http_address.h"
#include "base/result.h"

namespace hongbao {

struct ServerAccess {
  HttpAddress address;
  std::string token;  // bearer token
};

struct ServerAnswer {
  unsigned status = 0;
  boost::json::value body;
};

struct AskOptions {
  std::string key;  // of the header Idempotency-Key, if there is one
  std::chrono::seconds at_most{60};
};

// kUnavailable when nobody answers there, or not in time; kOutcomeUnknown when what was asked for may have taken effect
// nevertheless.
Result<ServerAnswer> ask_server(const ServerAccess& server, const std::string& method, const std::string& target,
                                const std::string& body = {}, const AskOptions& options = {});

// As a part of a target's path, or as a parameter.
std::string encode(std::string_view text);

}  // namespace hongbao
