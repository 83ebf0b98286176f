// Whose turn it is: that small frames overtake, flows get their shares, one that is greedy hurts itself, and nothing is
// lost or sent twice.
#include "net/link/peer_outbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace hongbao::peer_outbox_test {
namespace {

constexpr size_t kLarge = 300'000;
constexpr PeerLimits kLimits{.outgoing_bytes_max = 8 << 20, .flow_bytes_max = 1 << 20};

class PeerOutboxTest : public testing::Test {
 protected:
  std::optional<PeerFramePlace> put(uint64_t id, size_t bytes, uint64_t flow,
                                    PeerFrameType type = PeerFrameType::kResponse) {
    return outbox_.put({type, id, std::string_view(bytes_).substr(0, bytes)}, flow);
  }
  // How many find room.
  size_t put_all(size_t count, size_t bytes, uint64_t flow) {
    size_t found = 0;
    for (size_t i = 0; i < count; ++i) {
      found += put(i, bytes, flow) ? 1 : 0;
    }
    return found;
  }
  // The ids in what leaves with one write; of frames that were not withdrawn.
  std::vector<uint64_t> take() {
    taken_.clear();
    outbox_.take(taken_);
    std::vector<uint64_t> ids;
    std::string_view left = taken_;
    while (!left.empty()) {
      const auto frame = take_frame(left, 1 << 20);
      if (!frame) {
        ADD_FAILURE() << "no frame";
        break;
      }
      if (frame->type != PeerFrameType::kWithdrawn) {
        ids.push_back(frame->id);
      }
    }
    return ids;
  }

  const std::string bytes_ = std::string(1 << 20, 'x');
  std::string taken_;
  PeerOutbox outbox_{kLimits};
};

TEST_F(PeerOutboxTest, SmallFramesLeaveTogetherAsTheyCame) {
  for (uint64_t id = 0; id < 5; ++id) {
    EXPECT_TRUE(put(id, 100 * id, id));
  }
  EXPECT_EQ(take(), std::vector<uint64_t>({0, 1, 2, 3, 4}));
  EXPECT_TRUE(outbox_.empty());
  EXPECT_TRUE(take().empty());
}

TEST_F(PeerOutboxTest, ASmallFrameWaitsForOneLargeOneAtMost) {
  EXPECT_EQ(put_all(3, kLarge, 7), 3);
  EXPECT_EQ(take().size(), 1);
  EXPECT_TRUE(put(50, 100, 8));
  EXPECT_EQ(take().front(), 50);
  EXPECT_LT(taken_.size(), 2 * kLarge);
}

TEST_F(PeerOutboxTest, FlowsOfLargeAndLesserFramesGetTheSameBytes) {
  EXPECT_EQ(put_all(3, kLarge, 1), 3);
  EXPECT_EQ(put_all(30, kLarge / 10, 2), 30);
  EXPECT_EQ(put_all(1'000, 900, 3), 1'000);  // small, but too many of them
  take();
  std::map<size_t, size_t> bytes_of;  // by the size of their frames
  for (size_t sum = 0; sum < 5 * kLarge / 2 && !outbox_.empty(); sum += taken_.size()) {
    take();
    std::string_view left = taken_;
    while (!left.empty()) {
      const size_t bytes = take_frame(left, 1 << 20)->payload.size();
      bytes_of[bytes] += bytes;
    }
  }
  for (const auto& [frame_bytes, bytes] : bytes_of) {
    EXPECT_GT(bytes, kLarge / 2) << frame_bytes;
    EXPECT_LT(bytes, kLarge * 4 / 3) << frame_bytes;
  }
  EXPECT_EQ(bytes_of.size(), 3);
}

TEST_F(PeerOutboxTest, AFlowThatHasItsShareIsRefusedAndNobodyElse) {
  EXPECT_FALSE(outbox_.is_full_for(7));
  EXPECT_EQ(put_all(100, kLarge, 7), 3);
  EXPECT_TRUE(outbox_.is_full_for(7));
  EXPECT_FALSE(outbox_.is_full_for(8));
  EXPECT_TRUE(put(0, kLarge, 8));
  EXPECT_TRUE(put(0, 100, 7)) << "small ones are counted apart";
  while (!outbox_.empty()) {
    take();
  }
  EXPECT_FALSE(outbox_.is_full_for(7));
  EXPECT_TRUE(put(0, kLarge, 7));
}

TEST_F(PeerOutboxTest, SmallFramesOfOneFlowFillNothingEither) {
  const size_t found = put_all(10'000, 2'000, 7);
  EXPECT_GT(found, 500);
  EXPECT_LT(found * 2'000, PeerOutbox::kSmallBytesOfFlow + kLimits.flow_bytes_max);
  EXPECT_TRUE(put(77'777, 2'000, 8));
  const auto taken = take();
  EXPECT_LE(std::ranges::find(taken, 77'777) - taken.begin(), PeerOutbox::kSmallBytesOfFlow / 2'000);
  EXPECT_LT(taken_.size(), PeerOutbox::kSmallBytesOfFlow + 3 * PeerOutbox::kTurnBytes);
}

TEST_F(PeerOutboxTest, ManyFlowsLeaveRoomForSmallFrames) {
  for (uint64_t flow = 1; flow < 100; ++flow) {
    put(flow, kLarge, flow);
  }
  EXPECT_FALSE(put(0, kLarge, 200));
  size_t bytes = 0;
  for (uint64_t flow = 1'000; put(flow, 4'000, flow); ++flow) {
    bytes += 4'000;
  }
  EXPECT_GE(bytes, kLimits.outgoing_bytes_max / 4 - 4'100);
  EXPECT_TRUE(outbox_.is_full_for(1));
}

TEST_F(PeerOutboxTest, RefusalsFindRoomWhenNothingElseDoesAndAreBoundedToo) {
  while (put(0, 1'000, 0)) {
  }
  size_t refusals = 0;
  while (put(refusals, 1, 0, PeerFrameType::kRefusal)) {
    ++refusals;
  }
  EXPECT_GE(refusals, kLimits.requests_in_flight_max);
  EXPECT_LE(refusals * 14, kPeerSignsBytes + 1'100);
  EXPECT_FALSE(put(0, 0, 0));
}

TEST_F(PeerOutboxTest, AFrameOfAnySizeFindsRoomWhereNothingWaits) {
  PeerOutbox narrow({.frame_bytes_max = 1 << 20, .outgoing_bytes_max = (1 << 20) + 1, .flow_bytes_max = 1'000});
  EXPECT_TRUE(narrow.put({PeerFrameType::kResponse, 1, bytes_}, 7));
  EXPECT_FALSE(narrow.put({PeerFrameType::kResponse, 2, bytes_}, 8));
  taken_.clear();
  narrow.take(taken_);
  EXPECT_TRUE(narrow.empty());
}

TEST_F(PeerOutboxTest, WhatWaitsIsWithdrawnWhereverItWaitsAndWhatWasTakenIsNot) {
  const auto small = put(1, 100, 7);
  const auto large = put(2, kLarge, 7);
  const auto second = put(3, kLarge, 7);
  const auto only = put(4, kLarge, 8);
  put(5, 100, 9);
  EXPECT_TRUE(outbox_.withdraw(*small));
  EXPECT_TRUE(outbox_.withdraw(*second));
  EXPECT_FALSE(outbox_.withdraw(*second));
  EXPECT_TRUE(outbox_.withdraw(*only));
  EXPECT_EQ(take(), std::vector<uint64_t>({5, 2}));
  EXPECT_FALSE(outbox_.withdraw(*small));
  EXPECT_FALSE(outbox_.withdraw(*large));
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(PeerOutboxTest, WhateverComesAndGoesEachFrameIsTakenOnceOrWithdrawn) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::minstd_rand random(seed);
    const auto below = [&](unsigned bound) { return random() % bound; };
    std::map<uint64_t, PeerFramePlace> waiting;
    for (uint64_t id = 1; id < 3'000; ++id) {
      const size_t bytes = below(4) == 0 ? below(200'000) : below(6'000);
      if (const auto place = put(id, bytes, below(6))) {
        waiting.emplace(id, *place);
      }
      if (below(5) == 0 && !waiting.empty()) {
        const auto one = std::next(waiting.begin(), below(static_cast<unsigned>(waiting.size())));
        EXPECT_TRUE(outbox_.withdraw(one->second));
        waiting.erase(one);
      }
      for (const uint64_t taken : below(10) == 0 ? take() : std::vector<uint64_t>()) {
        EXPECT_EQ(waiting.erase(taken), 1) << taken;
      }
    }
    while (!outbox_.empty()) {
      for (const uint64_t taken : take()) {
        EXPECT_EQ(waiting.erase(taken), 1) << taken;
      }
    }
    EXPECT_TRUE(waiting.empty());
  }
}

}  // namespace
}  // namespace hongbao::peer_outbox_test
