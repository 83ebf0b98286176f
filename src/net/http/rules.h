// What RFC 9110 asks of every request's header fields, whatever they are sent to. docs/HTTP.md has the whole list. Any
// thread.
#pragma once

#include "base/result.h"
#include "net/http/request.h"

namespace hongbao {

// Names its host (once, a host), names nothing twice that can be meant once only, and asks for nothing that this server
// can't do. kMalformedRequest, kNotImplemented, kExpectationFailed, kUnsupportedMediaType.
Result<void> check_head(const HttpRequest& request);

// kPreconditionFailed. For requests that would be answered otherwise: nothing here has an entity tag.
Result<void> check_preconditions(const HttpRequest& request);

}  // namespace hongbao
