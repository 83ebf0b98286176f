// The encrypted channel between two nodes, without the socket: bytes in, bytes out. TLS 1.3 by OpenSSL, in which both
// sides show who they are (peer_identity.h). What a side seals arrives at the other unaltered, once and in order, or
// the connection ends there.
//
// A server is established when it has seen the client's certificate and proof. It says so with a heartbeat, and a
// client is established only then: what it sends before may be refused unread, and its calls could not be told so.
//
// Frames are packed into the stream behind each other, whatever records they come in; `take` gives whole ones. One
// thread; the owner is a connection.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/link/peer_identity.h"

namespace hongbao {

enum class PeerRole : uint8_t { kClient, kServer };

class PeerChannel {
 public:
  // `expected`: the name that the other side's certificate must have; from ".DOMAIN", any in the domain.
  // `payload_bytes_max`: of a frame.
  PeerChannel(PeerRole role, const PeerTls& tls, const std::string& expected, uint32_t payload_bytes_max);
  ~PeerChannel();
  PeerChannel(const PeerChannel&) = delete;
  PeerChannel& operator=(const PeerChannel&) = delete;

  // Appends to `out` what this side says before it has heard anything. Once, first of all.
  void start(std::string& out);

  // The other side has proved itself: `seal` may be used.
  [[nodiscard]] bool established() const { return established_; }

  // Takes all of `input`, appends to `out` what it must be answered with, and returns the whole frames that have come,
  // which are valid until the next call. After an error the connection must end, once `out` is sent as far as the
  // socket takes it: kUnauthenticated, the other side is not who it should be or the bytes are not what it sent;
  // kBodyTooLarge, a frame is out of bounds; kMalformedRequest, it speaks something else, or has said goodbye.
  Result<std::string_view> take(std::string_view input, std::string& out);

  // Appends whole `frames` to `out`. REQUIRES: established.
  void seal(std::string_view frames, std::string& out);

 private:
  struct FreeSession {
    void operator()(SSL* session) const;
  };

  Result<bool> shake_hands();
  Result<void> decrypt();
  void make_room(size_t bytes);
  Result<size_t> whole_frames() const;
  void append_sealed(std::string& out);
  [[nodiscard]] std::unexpected<Error> why_not() const;

  const PeerRole role_;
  const uint32_t payload_bytes_max_;
  const PeerTls tls_;
  const std::unique_ptr<SSL, FreeSession> session_;
  BIO* const arrived_;  // the session's: what it has still to read
  BIO* const sealed_;   // the session's: what it has to say
  bool established_ = false;
  // What was decrypted and is not taken yet: from begin_ to end_.
  std::unique_ptr<char[]> plain_;
  size_t plain_bytes_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace hongbao
