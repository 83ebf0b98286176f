// Requests and responses of the peer link as protobuf (peer.proto). Any thread: each has messages of its own, whose
// memory it uses again.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "edge/peer_types.h"

namespace hongbao {

// Why a node has no answer for a request.
enum class PeerRefusal : uint8_t { kOverloaded, kNotAnswered, kFailed };

// The encoded message replaces what is in `out`. `now` is what a request's deadline is counted from.
void encode(const PeerRequest& request, SteadyTime now, std::string& out);
void encode(HttpResponse response, std::string& out);  // but for `close`, which ends no connection of another node
void encode(PeerRefusal refusal, std::string& out);

// Into `request`, whose memory is used again. False: this is no request.
bool decode_request(std::string_view bytes, SteadyTime now, PeerRequest& request);

// A refusal as the error its caller gets: kOverloaded, kOutcomeUnknown or kInternal. kOutcomeUnknown also for what is
// no response: whoever wrote it has had the request.
Result<HttpResponse> decode_response(std::string_view bytes);

}  // namespace hongbao
