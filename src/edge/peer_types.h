// What is said over the link between nodes: a request that was authenticated where it came in, for the node that owns
// the packet's shard, which answers with an HttpResponse; and the limits of the link.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "core/ids.h"
#include "edge/http_types.h"

namespace hongbao {

// The parts of an HttpRequest that the owner needs.
struct PeerRequest {
  UserId user{};  // who asks; empty for payments:notify, which its channel signed
  http::verb method = http::verb::get;
  std::string target{};
  std::string body{};
  std::optional<std::string> idempotency_key{};
  std::optional<std::string> signature{};  // the header Hongbao-Signature
  std::optional<ShardId> shard{};          // a new packet's, as it was chosen where the request came in
  SteadyTime deadline{};                   // by each node's own clock: what travels is the time that is left
};

// Called on the PeerIo's thread; must not block. The request is valid during the call only. A reply that is dropped
// tells the caller kOutcomeUnknown. The PeerIo outlives every reply; replies to a connection that has ended go nowhere.
using PeerHandler = std::function<void(const PeerRequest& request, Reply reply)>;

struct PeerLimits {
  uint32_t frame_bytes_max = 1 << 20;                 // of one request or response, encoded
  uint32_t outgoing_bytes_max = 8 << 20;              // that wait for one connection's socket
  uint32_t requests_in_flight_max = 8'192;            // of one connection, at either end
  uint32_t connections_max = 64;                      // that a server holds
  uint32_t peers_max = 64;                            // that a pool holds
  std::chrono::milliseconds connect_timeout{1'000};   // from nothing to the end of the handshake
  std::chrono::milliseconds reconnect_after_min{50};  // doubles with every attempt that fails …
  std::chrono::milliseconds reconnect_after_max{1'000};
  std::chrono::milliseconds heartbeat_every{500};  // when there is nothing else to send
  std::chrono::milliseconds silence_max{2'000};    // then the other side is taken for dead
};

}  // namespace hongbao
