#include "routing/peer_node_link.h"

#include "routing/codec.h"

namespace hongbao {

void PeerNodeLink::call(const Member& node, std::string_view call, uint64_t flow, SteadyTime deadline,
                        Done<std::string_view> done) {
  peers_.call(
      {node.node, node.address},
      {.kind = static_cast<uint8_t>(LinkKind::kPacketCall), .payload = call, .deadline = deadline, .flow = flow},
      std::move(done));
}

void answer_packet_call(const PeerRequest& request, PeerReply reply, const AnswerCall& carry_out) {
  auto call = decode_call(request.payload, request.deadline);
  if (!call) {
    reply.fail();
    return;
  }
  if (!reply.admit(call->flow)) {
    return;
  }
  const auto if_no_room = only_reads(*call) ? PeerRefusal::kOverloaded : PeerRefusal::kNotAnswered;
  carry_out(std::move(*call), [reply = std::move(reply), if_no_room](const Result<PacketAnswer>& answer) mutable {
    thread_local std::string bytes;
    encode(answer, bytes);
    reply.send(bytes, if_no_room);
  });
}

}  // namespace hongbao
