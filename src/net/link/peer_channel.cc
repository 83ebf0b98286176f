#include "net/link/peer_channel.h"

#include <algorithm>
#include <initializer_list>

#include "base/check.h"
#include "base/little_endian.h"
#include "net/link/peer_frame.h"

namespace hongbao {
namespace {

constexpr std::string_view kMagic = "hongbao peer 2\n";  // the number is the protocol's version
constexpr size_t kKey_bytes = crypto_scalarmult_BYTES;
constexpr size_t kMac_bytes = std::tuple_size_v<Hash256>;
constexpr size_t kHeader_bytes = crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr size_t kOverhead_bytes = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr size_t kLength_bytes = sizeof(uint32_t);
constexpr size_t kChunkFill_bytes = 64 * 1024;  // larger chunks only for larger frames, so that one stays in the caches

// BLAKE2b keyed with the cluster key. `purpose` ends with a newline and every part has a fixed length, so no two uses
// read the same.
Hash256 mac(const Key256& cluster_key, std::string_view purpose, std::initializer_list<Bytes> parts) {
  Hash256 out;
  crypto_generichash_state state;
  crypto_generichash_init(&state, cluster_key.data(), cluster_key.size(), out.size());
  crypto_generichash_update(&state, as_bytes(purpose).data(), purpose.size());
  for (const Bytes part : parts) {
    crypto_generichash_update(&state, part.data(), part.size());
  }
  crypto_generichash_final(&state, out.data(), out.size());
  return out;
}

void append(std::string& out, Bytes bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::unexpected<Error> not_a_peer() {
  return fail(ErrorCode::kUnauthenticated, "does not know the cluster key, or its bytes were altered");
}

// Nothing more is kept of a stranger than a hello is long. nullopt: wait for more.
Result<bool> has_arrived(std::string_view input, size_t hello_bytes) {
  const size_t comparable = std::min(input.size(), kMagic.size());
  if (input.substr(0, comparable) != kMagic.substr(0, comparable)) {
    return fail(ErrorCode::kMalformedRequest, "does not speak this version of the peer protocol");
  }
  return input.size() >= hello_bytes;
}

constexpr size_t kClientHello_bytes = kMagic.size() + kKey_bytes + kMac_bytes;
constexpr size_t kServerHello_bytes = kMagic.size() + kKey_bytes + kHeader_bytes + kMac_bytes;

}  // namespace

PeerChannel::PeerChannel(PeerRole role, const Key256& cluster_key, uint32_t chunk_bytes_max)
    : role_(role),
      cluster_key_(cluster_key),
      chunk_bytes_max_(chunk_bytes_max),
      awaits_(role == PeerRole::kClient ? Awaits::kServerHello : Awaits::kClientHello) {
  random_bytes(secret_);
  crypto_scalarmult_base((role == PeerRole::kClient ? client_key_ : server_key_).data(), secret_.data());
}

PeerChannel::~PeerChannel() {
  sodium_memzero(secret_.data(), secret_.size());
  sodium_memzero(shared_.data(), shared_.size());
  sodium_memzero(sending_key_.data(), sending_key_.size());
  sodium_memzero(receiving_key_.data(), receiving_key_.size());
  sodium_memzero(&sending_, sizeof sending_);
  sodium_memzero(&receiving_, sizeof receiving_);
}

void PeerChannel::start(std::string& out) {
  if (role_ == PeerRole::kClient) {
    out += kMagic;
    append(out, client_key_);
    append(out, mac(cluster_key_, "client hello\n", {client_key_}));
  }
}

Result<PeerChannel::Taken> PeerChannel::take(std::string_view input, std::string& out) {
  switch (awaits_) {
    case Awaits::kClientHello:
      return take_client_hello(input, out);
    case Awaits::kServerHello:
      return take_server_hello(input, out);
    case Awaits::kStreamHeader:
      return take_stream_header(input);
    case Awaits::kChunk:
      return take_chunk(input);
  }
  CHECK(false);
}

// Refuses keys of small order, with which everybody would know the secret.
Result<void> PeerChannel::agree(PublicKey& theirs, std::string_view bytes) {
  const Bytes key = as_bytes(bytes);
  std::copy(key.begin(), key.end(), theirs.begin());
  const bool agreed = crypto_scalarmult(shared_.data(), secret_.data(), theirs.data()) == 0;
  sodium_memzero(secret_.data(), secret_.size());
  return agreed ? Result<void>() : not_a_peer();
}

Result<PeerChannel::Taken> PeerChannel::take_client_hello(std::string_view input, std::string& out) {
  if (const auto arrived = has_arrived(input, kClientHello_bytes); !arrived || !*arrived) {
    return arrived ? Result<Taken>(Taken{}) : std::unexpected(arrived.error());
  }
  const std::string_view key = input.substr(kMagic.size(), kKey_bytes);
  const std::string_view proof = input.substr(kMagic.size() + kKey_bytes, kMac_bytes);
  if (!equal_constant_time(as_bytes(proof), mac(cluster_key_, "client hello\n", {as_bytes(key)}))) {
    return not_a_peer();
  }
  if (const auto agreed = agree(client_key_, key); !agreed) {
    return std::unexpected(agreed.error());
  }
  derive_keys();
  out += kMagic;
  append(out, server_key_);
  append_stream_header(out);
  const Bytes header = as_bytes(std::string_view(out).substr(out.size() - kHeader_bytes));
  append(out, mac(cluster_key_, "server hello\n", {client_key_, server_key_, header, shared_}));
  sodium_memzero(shared_.data(), shared_.size());
  awaits_ = Awaits::kStreamHeader;
  return Taken{kClientHello_bytes};
}

Result<PeerChannel::Taken> PeerChannel::take_server_hello(std::string_view input, std::string& out) {
  if (const auto arrived = has_arrived(input, kServerHello_bytes); !arrived || !*arrived) {
    return arrived ? Result<Taken>(Taken{}) : std::unexpected(arrived.error());
  }
  const std::string_view key = input.substr(kMagic.size(), kKey_bytes);
  const Bytes header = as_bytes(input.substr(kMagic.size() + kKey_bytes, kHeader_bytes));
  const Bytes proof = as_bytes(input.substr(kMagic.size() + kKey_bytes + kHeader_bytes, kMac_bytes));
  if (const auto agreed = agree(server_key_, key); !agreed) {
    return std::unexpected(agreed.error());
  }
  if (!equal_constant_time(proof, mac(cluster_key_, "server hello\n", {client_key_, server_key_, header, shared_}))) {
    return not_a_peer();
  }
  derive_keys();
  sodium_memzero(shared_.data(), shared_.size());
  if (crypto_secretstream_xchacha20poly1305_init_pull(&receiving_, header.data(), receiving_key_.data()) != 0) {
    return not_a_peer();
  }
  append_stream_header(out);
  append_chunk("", out);  // the server's proof that this is no replay
  established_ = true;
  awaits_ = Awaits::kChunk;
  return Taken{kServerHello_bytes};
}

Result<PeerChannel::Taken> PeerChannel::take_stream_header(std::string_view input) {
  if (input.size() < kHeader_bytes) {
    return Taken{};
  }
  if (crypto_secretstream_xchacha20poly1305_init_pull(&receiving_, as_bytes(input).data(), receiving_key_.data()) !=
      0) {
    return not_a_peer();
  }
  awaits_ = Awaits::kChunk;
  return Taken{kHeader_bytes};
}

Result<PeerChannel::Taken> PeerChannel::take_chunk(std::string_view input) {
  if (input.size() < kLength_bytes) {
    return Taken{};
  }
  const auto sealed = load_little_endian<uint32_t>(input);
  // Whoever has not proved itself yet owes an empty chunk.
  const size_t sealed_max = (established_ ? chunk_bytes_max_ : 0) + kOverhead_bytes;
  if (sealed < kOverhead_bytes || sealed > sealed_max) {
    return fail(ErrorCode::kBodyTooLarge, "sent a chunk whose length is out of bounds");
  }
  if (input.size() < kLength_bytes + sealed) {
    return Taken{};
  }
  const size_t plain = sealed - kOverhead_bytes;
  if (plain > plain_bytes_ || !plain_) {
    plain_bytes_ = std::min<size_t>(std::max(plain, kChunkFill_bytes), chunk_bytes_max_);
    plain_ = std::make_unique_for_overwrite<uint8_t[]>(plain_bytes_);
  }
  if (crypto_secretstream_xchacha20poly1305_pull(&receiving_, plain_.get(), nullptr, nullptr,
                                                 as_bytes(input).data() + kLength_bytes, sealed, nullptr, 0) != 0) {
    return not_a_peer();
  }
  established_ = true;
  return Taken{kLength_bytes + sealed, {reinterpret_cast<const char*>(plain_.get()), plain}};
}

void PeerChannel::derive_keys() {
  const Key256 upwards = direction_key("client to server\n");
  const Key256 downwards = direction_key("server to client\n");
  sending_key_ = role_ == PeerRole::kClient ? upwards : downwards;
  receiving_key_ = role_ == PeerRole::kClient ? downwards : upwards;
}

Key256 PeerChannel::direction_key(std::string_view purpose) const {
  return mac(cluster_key_, purpose, {client_key_, server_key_, shared_});
}

void PeerChannel::append_stream_header(std::string& out) {
  std::array<uint8_t, kHeader_bytes> header;
  CHECK(crypto_secretstream_xchacha20poly1305_init_push(&sending_, header.data(), sending_key_.data()) == 0);
  append(out, header);
}

void PeerChannel::seal(std::string_view frames, std::string& out) {
  CHECK(established_);
  const size_t fill = std::min<size_t>(kChunkFill_bytes, chunk_bytes_max_);
  while (!frames.empty()) {
    const size_t bytes = frames_within(frames, fill);
    CHECK(bytes <= chunk_bytes_max_);
    append_chunk(frames.substr(0, bytes), out);
    frames.remove_prefix(bytes);
  }
}

void PeerChannel::append_chunk(std::string_view frames, std::string& out) {
  const size_t at = out.size();
  const size_t sealed = frames.size() + kOverhead_bytes;
  const size_t end = at + kLength_bytes + sealed;
  // libstdc++ 12 passes what it has allocated for the size that was asked for.
  out.resize_and_overwrite(end, [&](char* data, size_t /*bytes*/) {
    store_little_endian(data + at, static_cast<uint32_t>(sealed));
    auto* chunk = reinterpret_cast<uint8_t*>(data) + at + kLength_bytes;
    CHECK(crypto_secretstream_xchacha20poly1305_push(&sending_, chunk, nullptr, as_bytes(frames).data(), frames.size(),
                                                     nullptr, 0,
                                                     crypto_secretstream_xchacha20poly1305_TAG_MESSAGE) == 0);
    return end;
  });
}

}  // namespace hongbao
