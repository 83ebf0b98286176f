// The unit of the link between nodes: a typed, numbered payload. Frames travel packed behind each other in the stream
// of a PeerChannel. Pure; any thread.
//
// A frame is  payload length u32 · type u8 · id u64 · payload,  little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/link/peer_types.h"

namespace hongbao {

enum class PeerFrameType : uint8_t {
  kRequest = 1,
  kResponse = 2,   // has the id of its request
  kHeartbeat = 3,  // nothing but a sign of life
  kWithdrawn = 4,  // a request that its caller gave up before it was sent; to be skipped
  kRefusal = 5,    // has the id of its request, and one byte that says why
};

struct PeerFrame {
  PeerFrameType type;
  uint64_t id = 0;
  std::string_view payload;
};

inline constexpr size_t kPeerFrameHeader_bytes = 13;

// The payload of a request is  time left in ms u32 · kind u8 · what is said.
inline constexpr size_t kPeerRequestHeader_bytes = 5;
// Replaces what is in `out`. `now` is what the deadline is counted from.
void encode_request(const PeerRequest& request, SteadyTime now, std::string& out);
// What is said is a part of `payload`. nullopt: this is no request.
std::optional<PeerRequest> decode_request(std::string_view payload, SteadyTime now);

void append_frame(std::string& out, const PeerFrame& frame);

// Makes the frame that begins at `at` one that is skipped. REQUIRES: one begins there.
void withdraw_frame(std::string& frames, size_t at);

// Takes a frame off the front of `frames`. nullopt: these bytes are no frames.
std::optional<PeerFrame> take_frame(std::string_view& frames, uint32_t payload_bytes_max);

// How many bytes at the front of the stream are whole frames. nullopt: one has a longer payload.
std::optional<size_t> bytes_of_whole_frames(std::string_view stream, uint32_t payload_bytes_max);

}  // namespace hongbao
