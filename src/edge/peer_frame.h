// The unit of the link between nodes: a typed, numbered payload. Frames travel packed behind each other in the chunks
// of a PeerChannel, never split over two. Pure; any thread.
//
// A frame is  payload length u32 · type u8 · id u64 · payload,  little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hongbao {

enum class PeerFrameType : uint8_t {
  kRequest = 1,
  kResponse = 2,   // has the id of its request
  kHeartbeat = 3,  // nothing but a sign of life
  kWithdrawn = 4,  // a request that its caller gave up before it was sent; to be skipped
};

struct PeerFrame {
  PeerFrameType type;
  uint64_t id = 0;
  std::string_view payload;
};

inline constexpr size_t kPeerFrameHeader_bytes = 13;

void append_frame(std::string& out, const PeerFrame& frame);

// Makes the frame that begins at `at` one that is skipped. REQUIRES: one begins there.
void withdraw_frame(std::string& frames, size_t at);

// Takes a frame off the front of `frames`. nullopt: these bytes are no frames.
std::optional<PeerFrame> take_frame(std::string_view& frames, uint32_t payload_bytes_max);

// How many bytes the frames at the front take that together fit into `bytes_max`; the first one whatever its size.
// REQUIRES: `frames` holds whole frames.
size_t frames_within(std::string_view frames, size_t bytes_max);

}  // namespace hongbao
