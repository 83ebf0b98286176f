#include "net/link/peer_channel.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "net/link/peer_frame.h"

namespace hongbao {
namespace {

constexpr size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr size_t kKeptBytes = 8 * kRecordBytes;  // of plain_, when nothing is in it

BIO* new_memory() {
  BIO* memory = BIO_new(BIO_s_mem());
  CHECK(memory != nullptr);
  BIO_set_mem_eof_return(memory, -1);  // empty: there may be more
  return memory;
}

// A TLS record of a handshake begins with 0x16 0x03: whoever begins otherwise speaks something else.
bool is_tls(unsigned long error) {
  const int reason = ERR_GET_REASON(error);
  return reason != SSL_R_WRONG_VERSION_NUMBER && reason != SSL_R_HTTP_REQUEST && reason != SSL_R_HTTPS_PROXY_REQUEST &&
         reason != SSL_R_UNSUPPORTED_PROTOCOL;
}

}  // namespace

void PeerChannel::FreeSession::operator()(SSL* session) const {
  SSL_free(session);
}

PeerChannel::PeerChannel(PeerRole role, const PeerTls& tls, const std::string& expected, uint32_t payload_bytes_max)
    : role_(role),
      payload_bytes_max_(payload_bytes_max),
      tls_(tls),
      session_(SSL_new(tls.get())),
      arrived_(new_memory()),
      sealed_(new_memory()) {
  SSL* session = session_.get();
  CHECK(session != nullptr);
  SSL_set_bio(session, arrived_, sealed_);
  SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  CHECK(SSL_set1_host(session, expected.c_str()) == 1);
  if (role == PeerRole::kClient) {
    SSL_set_connect_state(session);
  } else {
    SSL_set_accept_state(session);
  }
}

PeerChannel::~PeerChannel() = default;

void PeerChannel::start(std::string& out) {
  if (role_ == PeerRole::kClient) {
    (void)shake_hands();
    append_sealed(out);
  }
}

Result<std::string_view> PeerChannel::take(std::string_view input, std::string& out) {
  if (!input.empty()) {
    CHECK(BIO_write(arrived_, input.data(), static_cast<int>(input.size())) == static_cast<int>(input.size()));
  }
  if (begin_ == end_) {  // all was taken
    begin_ = 0;
    end_ = 0;
    if (plain_bytes_ > kKeptBytes) {
      plain_.reset();
      plain_bytes_ = 0;
    }
  }
  const bool was_shaking = SSL_is_init_finished(session_.get()) == 0;
  const auto shaken = was_shaking ? shake_hands() : Result<bool>(true);
  append_sealed(out);
  if (!shaken) {
    return std::unexpected(shaken.error());
  }
  if (!*shaken) {
    return std::string_view();
  }
  if (was_shaking && role_ == PeerRole::kServer) {
    established_ = true;
    std::string heartbeat;
    append_frame(heartbeat, {PeerFrameType::kHeartbeat});
    seal(heartbeat, out);
  }
  if (auto decrypted = decrypt(); !decrypted) {
    append_sealed(out);
    return std::unexpected(decrypted.error());
  }
  append_sealed(out);  // keys may have been renewed
  const auto bytes = whole_frames();
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  established_ = established_ || *bytes > 0;
  const std::string_view frames(plain_.get() + begin_, *bytes);
  begin_ += *bytes;
  return frames;
}

// False: more has to come first.
Result<bool> PeerChannel::shake_hands() {
  ERR_clear_error();
  const int done = SSL_do_handshake(session_.get());
  if (done == 1) {
    return true;
  }
  if (SSL_get_error(session_.get(), done) == SSL_ERROR_WANT_READ) {
    return false;
  }
  return why_not();
}

Result<void> PeerChannel::decrypt() {
  while (true) {
    make_room(kRecordBytes);
    ERR_clear_error();
    size_t bytes = 0;
    const int done = SSL_read_ex(session_.get(), plain_.get() + end_, plain_bytes_ - end_, &bytes);
    if (done == 1) {
      end_ += bytes;
      continue;
    }
    switch (SSL_get_error(session_.get(), done)) {
      case SSL_ERROR_WANT_READ:
        return {};
      case SSL_ERROR_ZERO_RETURN:
        return fail(ErrorCode::kMalformedRequest, "said goodbye");
      default:
        return why_not();
    }
  }
}

// Behind end_, at least.
void PeerChannel::make_room(size_t bytes) {
  if (begin_ > 0 && plain_bytes_ - end_ < bytes) {
    std::memmove(plain_.get(), plain_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (plain_bytes_ - end_ >= bytes) {
    return;
  }
  const size_t wanted = std::max({end_ + bytes, 2 * plain_bytes_, 4 * kRecordBytes});
  auto larger = std::make_unique_for_overwrite<char[]>(wanted);
  if (end_ > 0) {
    std::memcpy(larger.get(), plain_.get(), end_);
  }
  plain_ = std::move(larger);
  plain_bytes_ = wanted;
}

Result<size_t> PeerChannel::whole_frames() const {
  const auto bytes = bytes_of_whole_frames({plain_.get() + begin_, end_ - begin_}, payload_bytes_max_);
  if (!bytes) {
    return fail(ErrorCode::kBodyTooLarge, "sent a frame whose length is out of bounds");
  }
  return *bytes;
}

void PeerChannel::seal(std::string_view frames, std::string& out) {
  CHECK(established_);
  while (!frames.empty()) {
    size_t bytes = 0;
    // Memory takes everything; what can still fail is an allocation.
    CHECK(SSL_write_ex(session_.get(), frames.data(), frames.size(), &bytes) == 1);
    frames.remove_prefix(bytes);
  }
  append_sealed(out);
}

void PeerChannel::append_sealed(std::string& out) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(sealed_, &data);
  if (bytes > 0) {
    out.append(data, static_cast<size_t>(bytes));
    CHECK(BIO_reset(sealed_) == 1);
  }
}

std::unexpected<Error> PeerChannel::why_not() const {
  const unsigned long error = ERR_peek_error();
  ERR_clear_error();
  if (const long verified = SSL_get_verify_result(session_.get()); verified != X509_V_OK) {
    return fail(ErrorCode::kUnauthenticated,
                fmt::format("has a certificate that is not taken: {}", X509_verify_cert_error_string(verified)));
  }
  if (!is_tls(error)) {
    return fail(ErrorCode::kMalformedRequest, "does not speak this version of the peer protocol");
  }
  const char* reason = ERR_reason_error_string(error);
  return fail(ErrorCode::kUnauthenticated,
              fmt::format("is no node, or its bytes were altered: {}", reason == nullptr ? "no reason known" : reason));
}

}  // namespace hongbao
