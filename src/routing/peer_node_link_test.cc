// What the owner of a packet says over the link when there is no room for its answer.
#include "routing/peer_node_link.h"

#include <gtest/gtest.h>

#include "routing/codec.h"

namespace hongbao::peer_node_link_test {
namespace {

const PacketKey kKey{{Region::kSouth, 7}, Day{20'779}, LocalNo{12'345}};
constexpr uint64_t kFlow = 77;

// A connection that has no room for answers, or none for anything of this flow.
class FullTarget final : public PeerReplyTarget {
 public:
  bool is_full_for(uint64_t asked) override {
    flow = asked;
    return is_full;
  }
  void answer(uint64_t request, uint64_t of, std::string_view /*payload*/, PeerRefusal if_no_room) override {
    EXPECT_EQ(of, kFlow);
    refuse(request, if_no_room);
  }
  void refuse(uint64_t /*request*/, PeerRefusal refusal) override { told.push_back(refusal); }

  bool is_full = false;
  uint64_t flow = 0;
  std::vector<PeerRefusal> told;
};

// What is told, and whether the call was carried out.
std::pair<std::vector<PeerRefusal>, bool> ask(PacketCall call, bool is_full) {
  const auto target = std::make_shared<FullTarget>();
  target->is_full = is_full;
  call.flow = kFlow;
  std::string bytes;
  encode(call, bytes);
  bool carried_out = false;
  answer_packet_call({.payload = bytes}, PeerReply(target, 1),
                     [&](const PacketCall& /*call*/, Done<PacketAnswer> done) {
                       carried_out = true;
                       done(fail(ErrorCode::kNotPaid));
                     });
  EXPECT_EQ(target->flow, kFlow);
  return {target->told, carried_out};
}

TEST(AnswerPacketCall, WhatReadsIsRefusedAndWhatMayHaveDoneSomethingIsNot) {
  using Told = std::vector<PeerRefusal>;
  const PacketCall open{OpenCall{UserId::trusted("bob"), kKey, "ticket"}};
  const PacketCall shares{SharesCall{UserId::trusted("bob"), kKey, 1, 50}};
  EXPECT_EQ(ask(shares, false), std::pair(Told{PeerRefusal::kOverloaded}, true));
  EXPECT_EQ(ask(open, false), std::pair(Told{PeerRefusal::kNotAnswered}, true));
  EXPECT_EQ(ask(open, true), std::pair(Told{PeerRefusal::kOverloaded}, false)) << "nothing was done";
}

}  // namespace
}  // namespace hongbao::peer_node_link_test
