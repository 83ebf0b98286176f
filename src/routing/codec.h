// Calls about packets and their answers as bytes for the link between nodes (packet_calls.proto). Decoding is strict,
// although the other node was authenticated: what a value's own type does not allow, or what no use case gives, is
// refused, so that nothing that arrives can break a rule on which the floors below rely.
//
// Any thread: each has messages of its own, whose memory it uses again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "service/packet_calls.h"

namespace hongbao {

// What is encoded replaces what is in `out`. A call's deadline is not in it: the link carries it.
void encode(const PacketCall& call, std::string& out);
void encode(const Result<PacketAnswer>& answer, std::string& out);

// nullopt: these bytes are no call, or no answer.
std::optional<PacketCall> decode_call(std::string_view bytes, SteadyTime deadline);
std::optional<Result<PacketAnswer>> decode_answer(std::string_view bytes);

}  // namespace hongbao
