// The channel between nodes. The first byte of the input says what the rest is:
//   's'  what a stranger says to a server      'c'  … to a client
//   'f'  frames, as they are found in a chunk  'q'  a request
//   'l'  a script for a link whose bytes are altered on their way, one command a byte pair (see `play`)
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "net/link/peer_channel.h"
#include "net/link/peer_frame.h"

using namespace hongbao;

namespace {

constexpr uint32_t kPayloadBytesMax = 4'096;
constexpr uint32_t kChunkBytesMax = kPayloadBytesMax + kPeerFrameHeader_bytes;

// One side of a link, and what it has said and heard.
struct Side {
  explicit Side(PeerRole role) : channel(role, kFuzzKey256, kChunkBytesMax) { channel.start(said); }

  // False: the connection has ended.
  bool hear(std::string_view bytes) {
    pending.append(bytes);
    while (alive) {
      const auto taken = channel.take(pending, said);
      alive = taken.has_value();
      if (!alive || taken->bytes == 0) {
        break;
      }
      CHECK(taken->bytes <= pending.size() && taken->frames.size() <= kChunkBytesMax);
      frames += taken->frames;
      pending.erase(0, taken->bytes);
    }
    // What is kept is bounded by the longest message.
    CHECK(!alive || pending.size() <= kChunkBytesMax + 100 || pending.size() <= bytes.size());
    return alive;
  }

  PeerChannel channel;
  std::string said;
  std::string pending;
  std::string frames;
  bool alive = true;
};

// Nobody is taken for a peer who does not know the key.
void check_stranger(PeerRole role, std::string_view bytes) {
  Side side(role);
  side.hear(bytes);
  CHECK(!side.channel.established() && side.frames.empty());
}

// What is taken for frames is written the same way again.
void check_frames(std::string_view bytes) {
  std::string_view rest = bytes;
  std::string again;
  while (const auto frame = take_frame(rest, kPayloadBytesMax)) {
    CHECK(frame->payload.size() <= kPayloadBytesMax);
    append_frame(again, *frame);
  }
  CHECK(again == bytes.substr(0, bytes.size() - rest.size()));
  for (const size_t bytes_max : {size_t{1}, size_t{50}, size_t{5'000}}) {
    const size_t within = again.empty() ? 0 : frames_within(again, bytes_max);
    std::string_view first = std::string_view(again).substr(0, within);
    while (!first.empty()) {
      CHECK(take_frame(first, kPayloadBytesMax));
    }
  }
}

// What one node understands, it says so that another understands the same.
void check_request(std::string_view bytes) {
  const SteadyTime now{std::chrono::hours(1)};
  if (const auto request = decode_request(bytes, now)) {
    std::string again;
    encode_request(*request, now, again);
    CHECK(again == bytes);
  }
}

// Client to server, with the bytes in between in the script's hand: 'n' seals n frames, 'd' delivers n bytes, 'D' all
// of them, 'x' alters the byte at n, 'r' repeats the first n bytes, 't' loses the last n, 'h' swaps two halves at n.
void play(std::string_view script) {
  Side client(PeerRole::kClient);
  Side server(PeerRole::kServer);
  CHECK(server.hear(std::exchange(client.said, {})) && client.hear(std::exchange(server.said, {})));
  std::string& way = client.said;  // begins with the client's proof
  std::string sent;
  uint64_t id = 0;
  bool altered = false;
  for (size_t i = 0; i + 1 < script.size(); i += 2) {
    const auto n = static_cast<uint8_t>(script[i + 1]);
    const std::string before = way;
    switch (script[i]) {
      case 'n': {
        std::string frames;
        for (int k = 0; k <= n % 8; ++k) {
          append_frame(frames, {PeerFrameType::kRequest, ++id, std::string(n * 3U, 'p')});
        }
        client.channel.seal(frames, way);
        sent += frames;
        continue;
      }
      case 'd':
      case 'D': {
        const size_t bytes = script[i] == 'D' ? way.size() : std::min<size_t>(n, way.size());
        const bool alive = server.hear(std::string_view(way).substr(0, bytes));
        way.erase(0, bytes);
        CHECK(alive || altered);
        break;
      }
      case 'x':
        if (!way.empty()) {
          way[n % way.size()] = static_cast<char>(way[n % way.size()] ^ (1 + n % 255));
        }
        altered |= way != before;
        continue;
      case 'r':
        way.insert(0, way.substr(0, n));
        altered |= way != before;
        continue;
      case 't':
        way.resize(way.size() - std::min<size_t>(n, way.size()));
        altered |= way != before;
        continue;
      case 'h':
        std::rotate(way.begin(), way.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(n, way.size())), way.end());
        altered |= way != before;
        continue;
      default:
        continue;
    }
    // Whatever happens to the bytes, what arrives is the beginning of what was sent.
    CHECK(sent.starts_with(server.frames));
    if (!server.alive) {
      return;
    }
  }
  if (!altered) {
    CHECK(server.hear(way) && server.frames == sent && server.channel.established());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 's':
      check_stranger(PeerRole::kServer, rest);
      break;
    case 'c':
      check_stranger(PeerRole::kClient, rest);
      break;
    case 'f':
      check_frames(rest);
      break;
    case 'q':
      check_request(rest);
      break;
    case 'l':
      play(rest);
      break;
    default:
      break;
  }
  return 0;
}
