#include "net/link/peer_frame.h"

#include <gtest/gtest.h>

namespace hongbao {
namespace {

TEST(PeerFrame, FramesAreTakenInOrder) {
  std::string bytes;
  append_frame(bytes, {PeerFrameType::kRequest, 1, "one"});
  append_frame(bytes, {PeerFrameType::kHeartbeat});
  append_frame(bytes, {PeerFrameType::kResponse, ~0ULL, "three"});
  std::string_view rest = bytes;
  EXPECT_EQ(take_frame(rest, 5)->payload, "one");
  EXPECT_EQ(take_frame(rest, 5)->type, PeerFrameType::kHeartbeat);
  const auto last = take_frame(rest, 5);
  EXPECT_EQ(last->id, ~0ULL);
  EXPECT_EQ(last->payload, "three");
  EXPECT_TRUE(rest.empty());
}

TEST(PeerFrame, WhatIsNoFrameIsRefused) {
  std::string good;
  append_frame(good, {PeerFrameType::kRequest, 1, "payload"});
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    std::string_view cut = std::string_view(good).substr(0, bytes);
    EXPECT_FALSE(take_frame(cut, 100)) << bytes;
  }
  std::string_view oversize = good;
  EXPECT_FALSE(take_frame(oversize, 6));
  for (const char type : {'\0', '\6', '\xff'}) {
    std::string unknown = good;
    unknown[4] = type;
    std::string_view rest = unknown;
    EXPECT_FALSE(take_frame(rest, 100));
  }
}

TEST(PeerFrame, AWithdrawnFrameKeepsItsPlace) {
  std::string bytes;
  append_frame(bytes, {PeerFrameType::kRequest, 1, "one"});
  const size_t at = bytes.size();
  append_frame(bytes, {PeerFrameType::kRequest, 2, "two"});
  append_frame(bytes, {PeerFrameType::kRequest, 3, "three"});
  withdraw_frame(bytes, at);
  std::string_view rest = bytes;
  EXPECT_EQ(take_frame(rest, 5)->type, PeerFrameType::kRequest);
  EXPECT_EQ(take_frame(rest, 5)->type, PeerFrameType::kWithdrawn);
  EXPECT_EQ(take_frame(rest, 5)->payload, "three");
}

TEST(PeerFrame, OnlyWholeFramesOfAStreamAreCounted) {
  std::string bytes;
  append_frame(bytes, {PeerFrameType::kRequest, 1, std::string(87, 'x')});
  append_frame(bytes, {PeerFrameType::kRequest, 2, std::string(87, 'x')});
  append_frame(bytes, {PeerFrameType::kRequest, 3, std::string(87, 'x')});
  const std::string_view stream = bytes;
  EXPECT_EQ(bytes_of_whole_frames("", 87), 0);
  EXPECT_EQ(bytes_of_whole_frames(stream.substr(0, 99), 87), 0);
  EXPECT_EQ(bytes_of_whole_frames(stream.substr(0, 100), 87), 100);
  EXPECT_EQ(bytes_of_whole_frames(stream.substr(0, 212), 87), 200);
  EXPECT_EQ(bytes_of_whole_frames(stream.substr(0, 299), 87), 200);
  EXPECT_EQ(bytes_of_whole_frames(stream, 87), 300);
  EXPECT_EQ(bytes_of_whole_frames(stream, 86), std::nullopt);
  EXPECT_EQ(bytes_of_whole_frames(stream.substr(0, kPeerFrameHeader_bytes), 86), std::nullopt);
}

TEST(PeerFrame, ARequestArrivesWithTheTimeThatIsLeft) {
  const SteadyTime now{std::chrono::hours(1)};
  std::string bytes = "left over";
  encode_request({.kind = 9, .payload = "said", .deadline = now + std::chrono::milliseconds(1'500)}, now, bytes);
  // The other node's clock shows something else.
  auto arrived = decode_request(bytes, SteadyTime());
  ASSERT_TRUE(arrived);
  EXPECT_EQ(arrived->kind, 9);
  EXPECT_EQ(arrived->payload, "said");
  EXPECT_EQ(arrived->deadline, SteadyTime(std::chrono::milliseconds(1'500)));
  encode_request({.deadline = now - std::chrono::milliseconds(5)}, now, bytes);
  arrived = decode_request(bytes, SteadyTime());
  ASSERT_TRUE(arrived);
  EXPECT_EQ(arrived->payload, "");
  EXPECT_EQ(arrived->deadline, SteadyTime()) << "a deadline that has passed leaves no time";
  EXPECT_FALSE(decode_request(std::string_view(bytes).substr(1), SteadyTime()));
}

}  // namespace
}  // namespace hongbao
