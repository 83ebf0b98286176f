// The TLS of a connection to NATS. Any thread.
#pragma once

#include <nats/nats.h>

#include "base/engine_tls.h"
#include "base/result.h"

namespace hongbao::nats {

// How long each step of a handshake may wait for the server.
inline constexpr int kHandshakeStep_s = 1;

// For connections that are made with `options`. REQUIRES: tls.is_on(), and `options` have no TLS yet. kConfig: the
// library does not take the files; the field is the setting.
Result<void> set_tls(natsOptions* options, const EngineTls& tls);

}  // namespace hongbao::nats
