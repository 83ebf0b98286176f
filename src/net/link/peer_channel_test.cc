// Two channels back to back: what the handshake proves, and that no altered byte gets through.
#include "net/link/peer_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "base/little_endian.h"
#include "net/link/peer_frame.h"
#include "net/link/peer_test_identity.h"

namespace hongbao::peer_channel_test {
namespace {

using testing::HasSubstr;

constexpr uint32_t kPayloadBytesMax = 100'000;
constexpr std::string_view kAnyNode = ".south.hongbao";
constexpr std::string_view kAnn = "ann.south.hongbao";

const PeerTls& ann() {
  static const PeerTls tls = test_identity("ann").tls;
  return tls;
}
const PeerTls& bob() {
  static const PeerTls tls = test_identity("bob").tls;
  return tls;
}
const PeerTls& stranger() {
  static const CertifiedKey others = make_authority("others", kTestLifetime);
  static const PeerTls tls = test_identity("ann", others).tls;
  return tls;
}
// Trusts the nodes' authority, and is none of its nodes.
PeerTls impostor(const std::string& name) {
  static const CertifiedKey others = make_authority("others", kTestLifetime);
  const auto own = make_certificate(others, name, kTestLifetime).value();
  return tls_from(others.certificate + test_authority().certificate, own, name).value();
}

std::string frame(uint64_t id, std::string_view payload) {
  std::string out;
  append_frame(out, {PeerFrameType::kRequest, id, payload});
  return out;
}
std::string heartbeat() {
  std::string out;
  append_frame(out, {PeerFrameType::kHeartbeat});
  return out;
}

// One side, and what it has said and heard.
struct Side {
  Side(PeerRole role, const PeerTls& tls, std::string_view expected)
      : channel(role, tls, std::string(expected), kPayloadBytesMax) {
    channel.start(said);
  }

  Result<void> hear(std::string_view input) {
    const auto taken = channel.take(input, said);
    if (!taken) {
      return std::unexpected(taken.error());
    }
    frames += *taken;
    return {};
  }

  std::string say() { return std::exchange(said, {}); }

  PeerChannel channel;
  std::string said;
  std::string frames;
};

struct Link {
  Side client{PeerRole::kClient, bob(), kAnn};
  Side server{PeerRole::kServer, ann(), kAnyNode};

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
    EXPECT_TRUE(server.channel.established());
    EXPECT_FALSE(client.channel.established()) << "it may still be refused";
    EXPECT_TRUE(client.hear(server.say()));
    EXPECT_TRUE(client.channel.established());
    EXPECT_EQ(std::exchange(client.frames, {}), heartbeat());
  }
};

// What the first to refuse says; both sides speak until one does, or both are established.
Result<void> meet(Side& client, Side& server) {
  for (int turns = 0; turns < 4; ++turns) {
    if (auto heard = server.hear(client.say()); !heard) {
      return heard;
    }
    if (auto heard = client.hear(server.say()); !heard) {
      return heard;
    }
  }
  return {};
}

void expect_refused(Side client, Side server, const char* reason) {
  const auto met = meet(client, server);
  ASSERT_FALSE(met);
  EXPECT_EQ(met.error().code, ErrorCode::kUnauthenticated);
  EXPECT_THAT(met.error().detail, HasSubstr(reason));
  EXPECT_FALSE(client.channel.established() || server.channel.established());
  EXPECT_TRUE(client.frames.empty() && server.frames.empty());
}

TEST(PeerChannel, FramesCrossInBothDirections) {
  Link link;
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
  Side client(PeerRole::kClient, bob(), kAnn);
  Side server(PeerRole::kServer, ann(), kAnyNode);
  const auto deliver = [](Side& from, Side& to) {
    for (const char byte : from.say()) {
      ASSERT_TRUE(to.hear({&byte, 1}));
    }
  };
  deliver(client, server);
  deliver(server, client);
  deliver(client, server);
  deliver(server, client);
  ASSERT_TRUE(client.channel.established());
  client.channel.seal(frame(7, "slowly"), client.said);
  deliver(client, server);
  EXPECT_EQ(server.frames, frame(7, "slowly"));
}

TEST(PeerChannel, FramesThatSpanRecordsArriveWhole) {
  Link link;
  std::string many;
  for (uint64_t i = 0; i < 1'000; ++i) {
    many += frame(i, "small");
  }
  const std::string large = frame(1, std::string(kPayloadBytesMax, 'x'));
  link.client.channel.seal(many + large + many, link.client.said);
  EXPECT_LT(link.client.said.size(), (many + large + many).size() + 300) << "records are filled";
  std::string_view way = link.client.said;
  while (!way.empty()) {  // as a socket would bring it
    ASSERT_TRUE(link.server.hear(way.substr(0, 7'000)));
    way.remove_prefix(std::min<size_t>(7'000, way.size()));
    std::string_view frames = link.server.frames;
    while (!frames.empty()) {
      ASSERT_TRUE(take_frame(frames, kPayloadBytesMax));
    }
  }
  EXPECT_EQ(link.server.frames, many + large + many);
}

TEST(PeerChannel, NothingIsReadableOnTheWire) {
  Link link;
  link.client.channel.seal(frame(1, "a token that is nobody's business"), link.client.said);
  EXPECT_EQ(link.client.said.find("a token"), std::string::npos);
  EXPECT_EQ((link.server_hello + link.client_proof).find("south.hongbao"), std::string::npos)
      << "not even who speaks, but for the client's word on whom it looks for";
}

TEST(PeerChannel, WhoIsSignedByAnotherAuthorityIsNoNode) {
  expect_refused(Side(PeerRole::kClient, bob(), kAnn), Side(PeerRole::kServer, stranger(), kAnyNode), "not taken");
  expect_refused(Side(PeerRole::kClient, impostor("bob.south.hongbao"), kAnn), Side(PeerRole::kServer, ann(), kAnyNode),
                 "not taken");
}

TEST(PeerChannel, ANodeThatAnswersForAnotherIsRefused) {
  expect_refused(Side(PeerRole::kClient, bob(), kAnn), Side(PeerRole::kServer, bob(), kAnyNode), "ostname mismatch");
}

TEST(PeerChannel, AClientOfAnotherDomainIsRefused) {
  const PeerTls north = test_identity("bob", test_authority(), "north.hongbao").tls;
  expect_refused(Side(PeerRole::kClient, north, kAnn), Side(PeerRole::kServer, ann(), kAnyNode), "ostname mismatch");
  const PeerTls alike = test_identity("bob", test_authority(), "xsouth.hongbao").tls;
  expect_refused(Side(PeerRole::kClient, alike, kAnn), Side(PeerRole::kServer, ann(), kAnyNode), "ostname mismatch");
}

TEST(PeerChannel, AClientWhoseCertificateHasEndedIsRefused) {
  const auto own = make_certificate(test_authority(), "bob.south.hongbao", std::chrono::minutes(-10)).value();
  const auto before = SystemClock().now() - std::chrono::minutes(30);
  const PeerTls late = tls_from(test_authority().certificate, own, "bob.south.hongbao", before).value();
  expect_refused(Side(PeerRole::kClient, late, kAnn), Side(PeerRole::kServer, ann(), kAnyNode), "expired");
}

TEST(PeerChannel, ARecordedClientGetsNoFurtherThanTheHello) {
  Link recorded;
  recorded.client.channel.seal(frame(1, "open"), recorded.client.said);
  const std::string request = recorded.client.say();
  Side server(PeerRole::kServer, ann(), kAnyNode);
  EXPECT_TRUE(server.hear(recorded.client_hello));
  EXPECT_FALSE(server.hear(recorded.client_proof + request));
  EXPECT_FALSE(server.channel.established());
  EXPECT_TRUE(server.frames.empty());
}

TEST(PeerChannel, ARecordedServerIsRefused) {
  Link recorded;
  Side client(PeerRole::kClient, bob(), kAnn);
  EXPECT_FALSE(client.hear(recorded.server_hello));
  EXPECT_FALSE(client.channel.established());
}

TEST(PeerChannel, WhatComesTwiceOrOutOfOrderEndsTheConnection) {
  for (const bool twice : {true, false}) {
    Link link;
    link.client.channel.seal(frame(1, "first"), link.client.said);
    const std::string first = link.client.say();
    link.client.channel.seal(frame(2, "second"), link.client.said);
    const std::string second = link.client.say();
    EXPECT_FALSE(link.server.hear(twice ? first + first : second + first));
    EXPECT_TRUE(link.server.frames.empty());
  }
}

TEST(PeerChannel, NoFlippedBitPassesBeforeBothKnowEachOther) {
  for (const bool of_server : {false, true}) {
    for (size_t at = 0;; at += 7) {
      Side client(PeerRole::kClient, bob(), kAnn);
      Side server(PeerRole::kServer, ann(), kAnyNode);
      std::string said = client.say();
      if (of_server) {
        ASSERT_TRUE(server.hear(said));
        said = server.say();
      }
      if (at >= said.size()) {
        break;
      }
      said[at] = static_cast<char>(said[at] ^ (1 << at % 8));
      const bool heard = (of_server ? client : server).hear(said).has_value();
      EXPECT_FALSE(heard && meet(client, server) && server.channel.established() && client.channel.established()) << at;
    }
  }
}

TEST(PeerChannel, NoFlippedBitOfWhatIsSealedPasses) {
  const auto sealed = [](Link& link) {
    link.client.channel.seal(frame(1, "give alice her share"), link.client.said);
    return link.client.say();
  };
  Link first;
  const size_t bytes = sealed(first).size();
  for (size_t at = 0; at < bytes; ++at) {
    Link link;
    std::string record = sealed(link);
    record[at] = static_cast<char>(record[at] ^ (1 << at % 8));
    // An altered length may leave the receiver waiting for more; then more never makes it whole.
    EXPECT_FALSE(link.server.hear(record) && link.server.hear(std::string(70'000, 'x'))) << at;
    EXPECT_TRUE(link.server.frames.empty());
  }
}

TEST(PeerChannel, TruncatedBytesBringNothing) {
  Link link;
  link.client.channel.seal(frame(1, "give alice her share"), link.client.said);
  const std::string record = link.client.say();
  ASSERT_TRUE(link.server.hear(record.substr(0, record.size() - 1)));
  EXPECT_TRUE(link.server.frames.empty());
  // What follows a hole is not taken either.
  EXPECT_FALSE(link.server.hear(record));
  EXPECT_TRUE(link.server.frames.empty());
}

TEST(PeerChannel, AFrameOutOfBoundsIsRefusedBeforeItsBytesCome) {
  for (const uint32_t length : {kPayloadBytesMax + 1, 0xffff'ffffU}) {
    Link link;
    std::string head(kPeerFrameHeader_bytes, '\1');
    store_little_endian(head.data(), length);
    link.client.channel.seal(head, link.client.said);
    const auto heard = link.server.hear(link.client.say());
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, ErrorCode::kBodyTooLarge);
  }
}

TEST(PeerChannel, WhatSpeaksAnotherProtocolIsRefusedAtOnce) {
  for (const char* other : {"GET / HTTP/1.1\r\n", "hongbao peer 2\n and more"}) {
    Side server(PeerRole::kServer, ann(), kAnyNode);
    const auto heard = server.hear(other);
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, ErrorCode::kMalformedRequest) << heard.error().detail;
  }
  Side client(PeerRole::kClient, bob(), kAnn);
  EXPECT_FALSE(client.hear("HTTP/1.1 400"));
}

}  // namespace
}  // namespace hongbao::peer_channel_test
