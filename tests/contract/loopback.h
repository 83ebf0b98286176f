// Sockets of the proxies that stand before an engine on 127.0.0.1. What fails is a mistake of the test's. Any thread.
#pragma once

#include <cstdint>

namespace hongbao {

// A socket that listens at a port that was free, which it writes to `port`. The caller closes it.
int listen_on_loopback(uint16_t& port);
// A socket that is connected to whoever listens there. The caller closes it.
int connect_on_loopback(uint16_t port);

}  // namespace hongbao
