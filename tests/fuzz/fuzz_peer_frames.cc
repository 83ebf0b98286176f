// The channel between nodes. The first byte of the input says what the rest is:
//   's'  what a stranger says to a server      'c'  … to a client
//   'f'  frames, as they are found in the stream 'q'  a request
//   'l'  a script for a link whose bytes are altered on their way, one command a byte pair (see `play`)
#include <algorithm>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "net/link/peer_channel.h"
#include "net/link/peer_frame.h"
#include "net/link/peer_test_identity.h"

using namespace hongbao;

namespace {

constexpr uint32_t kPayloadBytesMax = 4'096;
constexpr size_t kTlsRecordBytesMax = 17'000;

const PeerTls& node() {
  static const PeerTls tls = test_identity("node").tls;
  return tls;
}

// One side of a link, and what it has said and heard.
struct Side {
  explicit Side(PeerRole role)
      : channel(role, node(), role == PeerRole::kClient ? "node.south.hongbao" : ".south.hongbao", kPayloadBytesMax) {
    channel.start(said);
  }

  // False: the connection has ended.
  bool hear(std::string_view bytes) {
    const auto taken = alive ? channel.take(bytes, said) : std::unexpected(Error{ErrorCode::kInternal});
    alive = taken.has_value();
    if (alive) {
      // What is kept is bounded by a frame and a record.
      CHECK(taken->size() <= bytes.size() + kPayloadBytesMax + kTlsRecordBytesMax);
      frames += *taken;
    }
    return alive;
  }

  PeerChannel channel;
  std::string said;
  std::string frames;
  bool alive = true;
};

// Nobody is taken for a node who shows no certificate.
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
  const auto whole = bytes_of_whole_frames(bytes, kPayloadBytesMax);
  CHECK(!whole || *whole >= again.size());
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
  for (int turn = 0; turn < 2; ++turn) {
    CHECK(server.hear(std::exchange(client.said, {})) && client.hear(std::exchange(server.said, {})));
  }
  CHECK(client.channel.established() && server.channel.established());
  std::string& way = client.said;
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
