// Two channels back to back: what the handshake proves, and that no altered byte gets through.
#include "net/link/peer_channel.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/little_endian.h"
#include "net/link/peer_frame.h"

namespace hongbao::peer_channel_test {
namespace {

constexpr Key256 kKey{1, 2, 3};
constexpr Key256 kOtherKey{3, 2, 1};
constexpr uint32_t kChunkBytesMax = 100'000;

std::string frame(uint64_t id, std::string_view payload) {
  std::string out;
  append_frame(out, {PeerFrameType::kRequest, id, payload});
  return out;
}

// One side, and what it has said and heard.
struct Side {
  explicit Side(PeerRole role, const Key256& key = kKey) : channel(role, key, kChunkBytesMax) { channel.start(said); }

  // Takes whatever is whole in `input`; what it brought is in `frames`.
  Result<void> hear(std::string_view input) {
    pending.append(input);
    while (true) {
      const auto taken = channel.take(pending, said);
      if (!taken) {
        return std::unexpected(taken.error());
      }
      if (taken->bytes == 0) {
        return {};
      }
      frames += taken->frames;
      pending.erase(0, taken->bytes);
    }
  }

  std::string say() { return std::exchange(said, {}); }

  PeerChannel channel;
  std::string said;
  std::string pending;
  std::string frames;
};

struct Link {
  Side client{PeerRole::kClient};
  Side server{PeerRole::kServer};

  // What client, server and client again said until both knew each other.
  std::string client_hello = client.say();
  std::string server_hello;
  std::string client_proof;

  Link() {
    EXPECT_TRUE(server.hear(client_hello));
    server_hello = server.say();
    EXPECT_TRUE(client.hear(server_hello));
    client_proof = client.say();
    EXPECT_FALSE(server.channel.established());
    EXPECT_TRUE(server.hear(client_proof));
  }
};

ErrorCode code_of(const Result<void>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST(PeerChannel, FramesCrossInBothDirections) {
  Link link;
  EXPECT_TRUE(link.client.channel.established() && link.server.channel.established());
  for (uint64_t i = 0; i < 100; ++i) {
    link.client.channel.seal(frame(i, "up"), link.client.said);
    link.server.channel.seal(frame(i, "down"), link.server.said);
    ASSERT_TRUE(link.server.hear(link.client.say()));
    ASSERT_TRUE(link.client.hear(link.server.say()));
    EXPECT_EQ(std::exchange(link.server.frames, {}), frame(i, "up"));
    EXPECT_EQ(std::exchange(link.client.frames, {}), frame(i, "down"));
  }
}

TEST(PeerChannel, BytesMayArriveOneByOne) {
  Side client(PeerRole::kClient);
  Side server(PeerRole::kServer);
  const auto deliver = [](Side& from, Side& to) {
    for (const char byte : from.say()) {
      ASSERT_TRUE(to.hear({&byte, 1}));
    }
  };
  deliver(client, server);
  deliver(server, client);
  client.channel.seal(frame(7, "slowly"), client.said);
  deliver(client, server);
  EXPECT_EQ(server.frames, frame(7, "slowly"));
}

TEST(PeerChannel, ManyFramesShareAChunkAndTheLargestHasOneForItself) {
  Link link;
  std::string many;
  for (uint64_t i = 0; i < 1'000; ++i) {
    many += frame(i, "small");
  }
  link.client.channel.seal(many, link.client.said);
  EXPECT_LT(link.client.said.size(), many.size() + 100) << "one chunk has room for them";
  const std::string large = frame(1, std::string(kChunkBytesMax - kPeerFrameHeader_bytes, 'x'));
  link.client.channel.seal(large + many, link.client.said);
  ASSERT_TRUE(link.server.hear(link.client.say()));
  EXPECT_EQ(link.server.frames, many + large + many);
}

TEST(PeerChannel, NothingIsReadableOnTheWire) {
  Link link;
  link.client.channel.seal(frame(1, "a pay token that is nobody's business"), link.client.said);
  EXPECT_EQ(link.client.said.find("pay token"), std::string::npos);
}

TEST(PeerChannel, AClientWithAnotherKeyIsRefusedAtItsFirstWord) {
  Side client(PeerRole::kClient, kOtherKey);
  Side server(PeerRole::kServer);
  EXPECT_EQ(code_of(server.hear(client.say())), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(server.say().empty());
}

TEST(PeerChannel, ARecordedServerIsRefused) {
  Link recorded;
  Side client(PeerRole::kClient);
  EXPECT_EQ(code_of(client.hear(recorded.server_hello)), ErrorCode::kUnauthenticated);
  EXPECT_FALSE(client.channel.established());
}

TEST(PeerChannel, AServerWithAnotherKeyIsRefused) {
  // It cannot check the client's hello, and goes on all the same.
  Side client(PeerRole::kClient);
  Side its_own_client(PeerRole::kClient, kOtherKey);
  Side server(PeerRole::kServer, kOtherKey);
  ASSERT_TRUE(server.hear(its_own_client.say()));
  EXPECT_EQ(code_of(client.hear(server.say())), ErrorCode::kUnauthenticated);
  EXPECT_FALSE(client.channel.established());
  EXPECT_TRUE(client.frames.empty());
}

TEST(PeerChannel, AKeyOfSmallOrderIsRefusedEvenFromOneWhoKnowsTheClusterKey) {
  std::string hello = Side(PeerRole::kClient).say();
  const size_t key_at = hello.size() - 64;
  std::fill_n(hello.begin() + static_cast<ptrdiff_t>(key_at), 32, '\0');
  std::string proven = "client hello\n" + hello.substr(key_at, 32);
  const Hash256 proof = blake2b_keyed(kKey, as_bytes(proven));
  std::copy(proof.begin(), proof.end(), hello.end() - 32);
  Side server(PeerRole::kServer);
  EXPECT_EQ(code_of(server.hear(hello)), ErrorCode::kUnauthenticated);
}

TEST(PeerChannel, ARecordedClientGetsNoFurtherThanTheHello) {
  Link recorded;
  recorded.client.channel.seal(frame(1, "open"), recorded.client.said);
  const std::string request = recorded.client.say();
  Side server(PeerRole::kServer);
  EXPECT_TRUE(server.hear(recorded.client_hello));
  EXPECT_EQ(code_of(server.hear(recorded.client_proof + request)), ErrorCode::kUnauthenticated);
  EXPECT_FALSE(server.channel.established());
  EXPECT_TRUE(server.frames.empty());
}

TEST(PeerChannel, AChunkThatComesTwiceOrOutOfOrderEndsTheConnection) {
  for (const bool twice : {true, false}) {
    Link link;
    link.client.channel.seal(frame(1, "first"), link.client.said);
    const std::string first = link.client.say();
    link.client.channel.seal(frame(2, "second"), link.client.said);
    const std::string second = link.client.say();
    EXPECT_EQ(code_of(link.server.hear(twice ? first + first : second + first)), ErrorCode::kUnauthenticated);
    EXPECT_EQ(link.server.frames, twice ? frame(1, "first") : "");
  }
}

TEST(PeerChannel, ASideDoesNotTakeItsOwnBytesBack) {
  Link link;
  link.client.channel.seal(frame(1, "mirror"), link.client.said);
  EXPECT_EQ(code_of(link.client.hear(link.client.say())), ErrorCode::kUnauthenticated);
}

// An altered length may leave the receiver waiting for more; then more never makes it whole.
void expect_refused(Side& side, std::string_view altered) {
  Result<void> heard = side.hear(altered);
  if (heard) {
    heard = side.hear(std::string(size_t{2} * kChunkBytesMax, 'x'));
  }
  EXPECT_FALSE(heard);
  EXPECT_TRUE(side.frames.empty());
}

TEST(PeerChannel, NoFlippedBitOfTheClientsHelloPasses) {
  for (size_t at = 0; at < Link().client_hello.size(); ++at) {
    std::string hello = Side(PeerRole::kClient).say();
    hello[at] = static_cast<char>(hello[at] ^ (1 << at % 8));
    Side server(PeerRole::kServer);
    EXPECT_FALSE(server.hear(hello)) << at;
  }
}

TEST(PeerChannel, NoFlippedBitOfTheServersHelloPasses) {
  for (size_t at = 0; at < Link().server_hello.size(); ++at) {
    Side client(PeerRole::kClient);
    Side server(PeerRole::kServer);
    ASSERT_TRUE(server.hear(client.say()));
    std::string hello = server.say();
    hello[at] = static_cast<char>(hello[at] ^ (1 << at % 8));
    EXPECT_FALSE(client.hear(hello)) << at;
    EXPECT_FALSE(client.channel.established());
  }
}

TEST(PeerChannel, NoFlippedBitOfTheClientsProofPasses) {
  for (size_t at = 0; at < Link().client_proof.size(); ++at) {
    Side client(PeerRole::kClient);
    Side server(PeerRole::kServer);
    ASSERT_TRUE(server.hear(client.say()) && client.hear(server.say()));
    std::string proof = client.say();
    proof[at] = static_cast<char>(proof[at] ^ (1 << at % 8));
    expect_refused(server, proof);
    EXPECT_FALSE(server.channel.established()) << at;
  }
}

TEST(PeerChannel, NoFlippedBitOfAChunkPasses) {
  const auto sealed = [](Link& link) {
    link.client.channel.seal(frame(1, "give alice her share"), link.client.said);
    return link.client.say();
  };
  Link first;
  const size_t bytes = sealed(first).size();
  for (size_t at = 0; at < bytes; ++at) {
    Link link;
    std::string chunk = sealed(link);
    chunk[at] = static_cast<char>(chunk[at] ^ (1 << at % 8));
    expect_refused(link.server, chunk);
  }
}

TEST(PeerChannel, TruncatedBytesBringNothing) {
  Link link;
  link.client.channel.seal(frame(1, "give alice her share"), link.client.said);
  const std::string chunk = link.client.say();
  ASSERT_TRUE(link.server.hear(chunk.substr(0, chunk.size() - 1)));
  EXPECT_TRUE(link.server.frames.empty());
  // What follows a hole is not taken either.
  EXPECT_FALSE(link.server.hear(chunk));
  EXPECT_TRUE(link.server.frames.empty());
}

TEST(PeerChannel, ALengthOutOfBoundsIsRefusedBeforeItsBytesCome) {
  for (const uint32_t length : {0U, 16U, kChunkBytesMax + 18, 0xffff'ffffU}) {
    Link link;
    std::string head(4, '\0');
    store_little_endian(head.data(), length);
    EXPECT_EQ(code_of(link.server.hear(head)), ErrorCode::kBodyTooLarge) << length;
  }
}

TEST(PeerChannel, AStrangersFirstChunkMustBeEmpty) {
  Side client(PeerRole::kClient);
  Side server(PeerRole::kServer);
  ASSERT_TRUE(server.hear(client.say()) && client.hear(server.say()));
  std::string proof = client.say();
  store_little_endian(proof.data() + crypto_secretstream_xchacha20poly1305_HEADERBYTES,
                      static_cast<uint32_t>(crypto_secretstream_xchacha20poly1305_ABYTES + 1));
  EXPECT_EQ(code_of(server.hear(proof)), ErrorCode::kBodyTooLarge);
}

TEST(PeerChannel, WhatSpeaksAnotherProtocolIsRefusedAtOnce) {
  Side server(PeerRole::kServer);
  EXPECT_EQ(code_of(server.hear("GET / HTTP/1.1\r\n")), ErrorCode::kMalformedRequest);
  Side client(PeerRole::kClient);
  EXPECT_EQ(code_of(client.hear("HTTP/1.1 400")), ErrorCode::kMalformedRequest);
}

}  // namespace
}  // namespace hongbao::peer_channel_test
