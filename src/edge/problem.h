// The one table from error to HTTP: status, stable problem type (RFC 9457, `urn:hongbao:problem:<name>`) and title.
#pragma once

#include "base/result.h"
#include "edge/http_types.h"

namespace hongbao {

http::status status_of(ErrorCode code);

// An application/problem+json response with the error's detail as `detail`, and its field and rule where it names one.
HttpResponse problem(const Error& error);

}  // namespace hongbao
