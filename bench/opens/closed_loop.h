// The load of the opens benchmark: many connections on one thread, each sends its next request as soon as its last was
// answered, without pipelining. It works on texts, so that every system is driven by the same code over its own
// protocol; requests are written before the clock starts and answers are read after it stopped, because the generator
// shares the cores with the server it measures. For the same reason it is a bare epoll loop.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/load/latency.h"
#include "base/result.h"

namespace hongbao::bench {

// Bytes of the first whole answer in `in`; 0 when more must come.
using Framing = size_t (*)(std::string_view in);

struct LoopResult {
  std::vector<std::string> answers;  // one for each request, in the order of the requests
  load::LatencyHistogram latency;
  double seconds = 0;
};

// Sends every request once, over `connections` connections to 127.0.0.1:`port`, in order as connections become free.
// kUnavailable: the server can't be reached, closed a connection, or did not answer for kStallMax_ms.
Result<LoopResult> run_closed_loop(uint16_t port, uint32_t connections, const std::vector<std::string>& requests,
                                   Framing framing);

}  // namespace hongbao::bench
