// The one table from error to HTTP: status, stable problem type (RFC 9457, `urn:hongbao:problem:<name>`) and title.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/http/types.h"

namespace hongbao {

http::status status_of(ErrorCode code);

// An application/problem+json response with the error's detail as `detail`, and its field and rule where it names one.
HttpResponse problem(const Error& error);

// The last part of its type; empty when the answer is no problem.
std::string_view problem_name(const HttpResponse& answer);

// Counts an answer that is a problem, for this process's metrics.
void count_problem(const HttpResponse& answer);
// Every type and how often it was counted.
std::vector<std::pair<std::string_view, uint64_t>> problem_counts();

}  // namespace hongbao
