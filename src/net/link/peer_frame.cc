#include "net/link/peer_frame.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/little_endian.h"

namespace hongbao {
namespace {

constexpr size_t kTypeAt = 4;
constexpr size_t kIdAt = 5;
constexpr size_t kKindAt = 4;

bool is_known(uint8_t type) {
  return type >= static_cast<uint8_t>(PeerFrameType::kRequest) && type <= static_cast<uint8_t>(PeerFrameType::kRefusal);
}

size_t length_of_first(std::string_view frames) {
  return kPeerFrameHeader_bytes + load_little_endian<uint32_t>(frames);
}

uint32_t timeout_ms(SteadyTime deadline, SteadyTime now) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(left, 0, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

void encode_request(const PeerRequest& request, SteadyTime now, std::string& out) {
  char header[kPeerRequestHeader_bytes];
  store_little_endian(header, timeout_ms(request.deadline, now));
  header[kKindAt] = static_cast<char>(request.kind);
  out.assign(header, sizeof header);
  out.append(request.payload);
}

std::optional<PeerRequest> decode_request(std::string_view payload, SteadyTime now) {
  if (payload.size() < kPeerRequestHeader_bytes) {
    return std::nullopt;
  }
  return PeerRequest{static_cast<uint8_t>(payload[kKindAt]), payload.substr(kPeerRequestHeader_bytes),
                     now + std::chrono::milliseconds(load_little_endian<uint32_t>(payload))};
}

void append_frame(std::string& out, const PeerFrame& frame) {
  char header[kPeerFrameHeader_bytes];
  store_little_endian(header, static_cast<uint32_t>(frame.payload.size()));
  header[kTypeAt] = static_cast<char>(frame.type);
  store_little_endian(header + kIdAt, frame.id);
  out.append(header, sizeof header);
  out.append(frame.payload);
}

void withdraw_frame(std::string& frames, size_t at) {
  CHECK(at + kPeerFrameHeader_bytes <= frames.size());
  frames[at + kTypeAt] = static_cast<char>(PeerFrameType::kWithdrawn);
}

std::optional<PeerFrame> take_frame(std::string_view& frames, uint32_t payload_bytes_max) {
  if (frames.size() < kPeerFrameHeader_bytes) {
    return std::nullopt;
  }
  const size_t length = length_of_first(frames);
  const auto type = static_cast<uint8_t>(frames[kTypeAt]);
  if (length > frames.size() || length - kPeerFrameHeader_bytes > payload_bytes_max || !is_known(type)) {
    return std::nullopt;
  }
  const PeerFrame frame{static_cast<PeerFrameType>(type), load_little_endian<uint64_t>(frames.substr(kIdAt)),
                        frames.substr(kPeerFrameHeader_bytes, length - kPeerFrameHeader_bytes)};
  frames.remove_prefix(length);
  return frame;
}

std::optional<size_t> bytes_of_whole_frames(std::string_view stream, uint32_t payload_bytes_max) {
  size_t whole = 0;
  while (stream.size() - whole >= kPeerFrameHeader_bytes) {
    const size_t length = length_of_first(stream.substr(whole));
    if (length - kPeerFrameHeader_bytes > payload_bytes_max) {
      return std::nullopt;
    }
    if (length > stream.size() - whole) {
      break;
    }
    whole += length;
  }
  return whole;
}

}  // namespace hongbao
