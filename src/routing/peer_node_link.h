// The Forwarder's way to other nodes, and its timer, over the link of net/link; and what that link is used for.
// Any thread.
#pragma once

#include "net/link/peer_pool.h"
#include "routing/forwarder.h"

namespace hongbao {

// What a node asks another for (PeerRequest::kind).
enum class LinkKind : uint8_t {
  kPacketCall = 1,  // routing/codec.h
  kNodeReport = 2,  // its part of the region's view, as JSON; nothing is said
};

class PeerNodeLink final : public NodeLink, public RetryTimer {
 public:
  // Both outlive it.
  PeerNodeLink(PeerPool& peers, PeerIo& io) : peers_(peers), io_(io) {}

  void call(const Member& node, std::string_view call, uint64_t flow, SteadyTime deadline,
            Done<std::string_view> done) override;
  void run_at(SteadyTime at, std::move_only_function<void(bool)> task) override { io_.run_at(at, std::move(task)); }

 private:
  PeerPool& peers_;
  PeerIo& io_;
};

// Answers a call that came over the link; `carry_out` does what it asks, once it believes who does.
using AnswerCall = std::function<void(PacketCall call, Done<PacketAnswer> done)>;
void answer_packet_call(const PeerRequest& request, PeerReply reply, const AnswerCall& carry_out);

}  // namespace hongbao
