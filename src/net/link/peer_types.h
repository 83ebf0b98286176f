// What goes over the link between nodes: a request, the right to answer it, and the link's limits. What is said is for
// the layers above; here it is bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace hongbao {

// Another node, and where it is reached ("10.0.0.7:7070").
struct PeerNode {
  const std::string& name;
  const std::string& address;
};

struct PeerRequest {
  uint8_t kind = 0;  // what it is for; whoever uses the link numbers the kinds
  std::string_view payload{};
  SteadyTime deadline{};  // by each node's own clock: what travels is the time that is left
  uint64_t flow = 0;      // whose it is (peer_outbox.h); 0: the node's own. Does not travel
};

// Why a node has no answer for a request.
enum class PeerRefusal : uint8_t {
  kOverloaded = 1,   // too many requests are under way; nothing was done
  kNotAnswered = 2,  // it was taken, and what became of it is not known
  kFailed = 3,       // it was not understood, or its answer can't be sent
};

// Whom an answer is owed. Any thread.
class PeerReplyTarget {
 public:
  virtual ~PeerReplyTarget() = default;
  virtual bool is_full_for(uint64_t flow) = 0;
  virtual void answer(uint64_t request, uint64_t flow, std::string_view payload, PeerRefusal if_no_room) = 0;
  virtual void refuse(uint64_t request, PeerRefusal refusal) = 0;
};

// The right to answer one request, once, from any thread. Destroyed without an answer it tells the caller
// kOutcomeUnknown.
class PeerReply {
 public:
  PeerReply(std::shared_ptr<PeerReplyTarget> target, uint64_t request)
      : target_(std::move(target)), request_(request) {}
  PeerReply(PeerReply&& other) noexcept = default;
  PeerReply& operator=(PeerReply&& other) noexcept {
    std::swap(target_, other.target_);
    std::swap(request_, other.request_);
    std::swap(flow_, other.flow_);
    return *this;
  }
  ~PeerReply() {
    if (target_) {
      target_->refuse(request_, PeerRefusal::kNotAnswered);
    }
  }

  // Says whose the answer is, before anything is done. False: too many bytes of that flow wait for the connection. The
  // caller is told kOverloaded, and nothing must be done.
  [[nodiscard]] bool admit(uint64_t flow) {
    flow_ = flow;
    if (!target_->is_full_for(flow)) {
      return true;
    }
    std::exchange(target_, nullptr)->refuse(request_, PeerRefusal::kOverloaded);
    return false;
  }
  // `if_no_room`: what the caller is told when the connection has no room for the answer. kOverloaded says that nothing
  // was done.
  void send(std::string_view payload, PeerRefusal if_no_room = PeerRefusal::kNotAnswered) {
    std::exchange(target_, nullptr)->answer(request_, flow_, payload, if_no_room);
  }
  // The request is not understood.
  void fail() { std::exchange(target_, nullptr)->refuse(request_, PeerRefusal::kFailed); }

 private:
  std::shared_ptr<PeerReplyTarget> target_;
  uint64_t request_;
  uint64_t flow_ = 0;
};

// Called on the PeerIo's thread; must not block. The request is valid during the call only. The PeerIo outlives every
// reply; replies to a connection that has ended go nowhere.
using PeerHandler = std::function<void(const PeerRequest& request, PeerReply reply)>;

struct PeerLimits {
  uint32_t frame_bytes_max = 1 << 20;                 // of one request or response, encoded
  uint32_t outgoing_bytes_max = 8 << 20;              // that wait for one connection's socket
  uint32_t flow_bytes_max = 1 << 20;                  // of them, of one flow
  uint32_t requests_in_flight_max = 8'192;            // of one connection, at either end
  uint32_t flow_requests_max = 2'048;                 // of them, of one flow, or of a few (peer_calls.h)
  uint32_t connections_max = 64;                      // that a server holds, of nodes that have proved themselves
  uint32_t unproven_max = 64;                         // that it holds besides; one more ends the oldest of them
  uint32_t unproven_of_address_max = 16;              // of them, from one address; likewise
  uint32_t handshakes_of_address_max = 64;            // that a server begins in a second; each costs a part of a ms
  uint32_t peers_max = 64;                            // that a pool holds
  std::chrono::milliseconds connect_timeout{1'000};   // from nothing to the end of the handshake
  std::chrono::milliseconds reconnect_after_min{50};  // doubles with every attempt that fails …
  std::chrono::milliseconds reconnect_after_max{1'000};
  std::chrono::milliseconds heartbeat_every{500};  // when there is nothing else to send
  std::chrono::milliseconds silence_max{2'000};    // then the other side is taken for dead
};

// Refusals and heartbeats that may wait for a socket beyond outgoing_bytes_max.
inline constexpr size_t kPeerSignsBytes = 256 * 1024;
// What the kernel may hold of a connection in each direction. More would be a queue in which nobody has turns.
inline constexpr int kPeerKernelBytes = 256 * 1024;

}  // namespace hongbao
