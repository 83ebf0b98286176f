// The encrypted channel between two nodes, without the socket: bytes in, bytes out. Both sides must know the cluster
// key. What a side seals arrives at the other unaltered, once and in order, or the connection ends there.
//
// Handshake, in the manner of Noise's NNpsk0 with BLAKE2b; `mac` is keyed with the cluster key and names its purpose:
//   client → server   magic · ephemeral key c · mac(c)
//   server → client   magic · ephemeral key s · stream header · mac(c, s, stream header, X25519(c, s))
//   client → server   stream header · an empty chunk
// The ephemeral keys are the nonces too: each direction's key is mac(c, s, X25519(c, s)) for that direction, so a
// recording is of no use against another connection, and the cluster key opens no recording of an earlier one. Either
// side takes the other for a peer only after it has used a key that both ephemeral keys went into.
//
// Then each direction is a libsodium secretstream (XChaCha20-Poly1305) of chunks:  sealed length u32 · sealed bytes.
// Every length is bounded before anything of that size is kept. One thread; the owner is a connection.
#pragma once

#include <sodium.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"

namespace hongbao {

enum class PeerRole : uint8_t { kClient, kServer };

class PeerChannel {
 public:
  // `chunk_bytes_max`: the most frames that one chunk may bring, in bytes.
  PeerChannel(PeerRole role, const Key256& cluster_key, uint32_t chunk_bytes_max);
  ~PeerChannel();
  PeerChannel(const PeerChannel&) = delete;
  PeerChannel& operator=(const PeerChannel&) = delete;

  // Appends to `out` what this side says before it has heard anything. Once, first of all.
  void start(std::string& out);

  // The other side has proved itself: `seal` may be used.
  [[nodiscard]] bool established() const { return established_; }

  // What one message was: the bytes it took off the front of the input, and the frames it brought, which are valid
  // until the next call. 0 bytes: it has not arrived whole.
  struct Taken {
    size_t bytes = 0;
    std::string_view frames{};
  };
  // Takes one message, and appends to `out` what it must be answered with. After an error the connection must end:
  // kUnauthenticated when the other side does not know the key or the bytes are not what it sent, kBodyTooLarge, or
  // kMalformedRequest when it speaks something else.
  Result<Taken> take(std::string_view input, std::string& out);

  // Appends whole `frames` to `out`, in as few chunks as fit. REQUIRES: established; no frame exceeds chunk_bytes_max.
  void seal(std::string_view frames, std::string& out);

 private:
  enum class Awaits : uint8_t { kClientHello, kServerHello, kStreamHeader, kChunk };
  using PublicKey = std::array<uint8_t, crypto_scalarmult_BYTES>;

  void derive_keys();
  [[nodiscard]] Key256 direction_key(std::string_view purpose) const;
  void append_stream_header(std::string& out);
  void append_chunk(std::string_view frames, std::string& out);
  Result<void> agree(PublicKey& theirs, std::string_view bytes);
  Result<Taken> take_client_hello(std::string_view input, std::string& out);
  Result<Taken> take_server_hello(std::string_view input, std::string& out);
  Result<Taken> take_stream_header(std::string_view input);
  Result<Taken> take_chunk(std::string_view input);

  const PeerRole role_;
  const Key256 cluster_key_;
  const uint32_t chunk_bytes_max_;
  Awaits awaits_;
  bool established_ = false;
  Key256 secret_;  // of this side's ephemeral key; wiped when the keys are derived
  Key256 shared_{};
  PublicKey client_key_{};
  PublicKey server_key_{};
  Key256 sending_key_{};
  Key256 receiving_key_{};
  crypto_secretstream_xchacha20poly1305_state sending_{};
  crypto_secretstream_xchacha20poly1305_state receiving_{};
  std::unique_ptr<uint8_t[]> plain_;  // of the chunk taken last; grows with what comes
  size_t plain_bytes_ = 0;
};

}  // namespace hongbao
