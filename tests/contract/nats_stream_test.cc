// The voucher stream in NATS: what it delivers, to whom, and that it comes back after whatever befell the server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "adapters/nats/voucher_codec.h"
#include "adapters/nats/voucher_stream.h"
#include "contract/engines.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kForever{30};  // a test that waits so long has failed

class NatsStreamTest : public testing::Test {
 protected:
  ~NatsStreamTest() override { engine("restart", "nats"); }

  std::unique_ptr<NatsVoucherStream> open(NatsStreamOptions options = {}) {
    options.url = required_environment("HONGBAO_TEST_NATS");
    options.name_prefix = prefix_;
    options.maintenance_pause = milliseconds(200);
    options.bytes_max = 16 << 20;
    return NatsVoucherStream::open(options, registry_).value();
  }
  // Of one batch, numbered from `from`.
  static std::vector<Voucher> batch(uint64_t from, size_t count) {
    std::vector<Voucher> vouchers;
    for (size_t i = 0; i < count; ++i) {
      vouchers.push_back(opened(from + i, key(3), static_cast<uint32_t>(from + i), "user" + std::to_string(i), 7));
    }
    return vouchers;
  }
  // Fetches until everything from `from` to `end` came in one piece; publishes nothing.
  static bool comes(VoucherStream& stream, uint64_t from, uint64_t end, milliseconds limit = kForever) {
    const auto give_up = std::chrono::steady_clock::now() + limit;
    uint64_t seen = 0;
    while (std::chrono::steady_clock::now() < give_up) {
      const auto got = stream.fetch(Follower::kInbox, kShard, {from}, end - from);
      if (got && got->size() == end - from && got->front().no == VoucherNo{from} &&
          got->back().no == VoucherNo{end - 1}) {
        return true;
      }
      stream.wait(seen, milliseconds(20));
    }
    return false;
  }
  // A follower whose consumer is there: a batch published after it was made came. Returns the next number.
  uint64_t begin(VoucherStream& publisher, VoucherStream& follower, uint64_t from = 1) {
    const auto give_up = std::chrono::steady_clock::now() + kForever;
    while (std::chrono::steady_clock::now() < give_up) {
      publisher.publish(kShard, batch(from, 1));
      if (comes(follower, from, from + 1, milliseconds(100))) {
        follower.acknowledge(Follower::kInbox, kShard, {from + 1});
        return from + 1;
      }
      ++from;
    }
    ADD_FAILURE() << "nothing ever came";
    return from;
  }

  const std::string prefix_ = scratch_prefix();
  prometheus::Registry registry_;
};

TEST_F(NatsStreamTest, WhatIsPublishedComesToAFollowerElsewhere) {
  const auto publisher = open();
  const auto follower = open();
  const uint64_t next = begin(*publisher, *follower);
  const auto first = batch(next, 300);
  publisher->publish(kShard, first);
  publisher->publish(kShard, batch(next + 300, 2));
  ASSERT_TRUE(comes(*follower, next, next + 302));
  EXPECT_EQ(follower->fetch(Follower::kInbox, kShard, {next}, 300).value(), first);
  EXPECT_EQ(follower->fetch(Follower::kInbox, kShard, {next + 5}, 2).value().front().no, VoucherNo{next + 5});
  EXPECT_THAT(follower->fetch(Follower::kInbox, kShard, {next + 302}, 10).value(), testing::IsEmpty());
}

TEST_F(NatsStreamTest, WhatWasAcknowledgedDoesNotComeToTheNextProcess) {
  const auto publisher = open();
  uint64_t next = 0;
  {
    const auto follower = open();
    next = begin(*publisher, *follower);
    publisher->publish(kShard, batch(next, 2));
    publisher->publish(kShard, batch(next + 2, 2));
    ASSERT_TRUE(comes(*follower, next, next + 4));
    follower->acknowledge(Follower::kInbox, kShard, {next + 3});  // the second batch only in part
  }
  const auto successor = open();
  ASSERT_TRUE(comes(*successor, next + 2, next + 4)) << "it was given back";
  EXPECT_EQ(successor->fetch(Follower::kInbox, kShard, {next}, 10).value().front().no, VoucherNo{next + 2});
}

TEST_F(NatsStreamTest, AFollowerThatLeavesGivesBackWhatItHad) {
  const auto publisher = open();
  const auto first = open();
  const uint64_t next = begin(*publisher, *first);
  publisher->publish(kShard, batch(next, 5));
  ASSERT_TRUE(comes(*first, next, next + 5));
  first->leave(Follower::kInbox, kShard);
  const auto second = open();
  EXPECT_TRUE(comes(*second, next, next + 5, seconds(10)));
}

TEST_F(NatsStreamTest, FollowersHavePlacesOfTheirOwn) {
  const auto stream = open();
  const uint64_t next = begin(*stream, *stream);
  (void)stream->fetch(Follower::kSettlement, kShard, {1}, 1);  // begins to follow
  stream->publish(kShard, batch(next, 1));
  ASSERT_TRUE(comes(*stream, next, next + 1));
  stream->acknowledge(Follower::kSettlement, kShard, {next + 1});
  EXPECT_TRUE(comes(*stream, next, next + 1)) << "another's acknowledgement";
}

TEST_F(NatsStreamTest, ADeletedStreamIsMadeAgain) {
  const auto publisher = open();
  const auto follower = open();
  const uint64_t next = begin(*publisher, *follower);
  engine("wipe", "nats");
  begin(*publisher, *follower, next);
}

TEST_F(NatsStreamTest, AServerThatWasKilledGoesOnWithWhatItStored) {
  const auto publisher = open();
  const auto follower = open();
  const uint64_t next = begin(*publisher, *follower);
  engine("restart", "nats");
  begin(*publisher, *follower, next);
}

TEST_F(NatsStreamTest, PublishingNeverWaits) {
  const auto stream = open({.batches_waiting_max = 10});
  const uint64_t next = begin(*stream, *stream);
  engine("freeze", "nats");
  const auto began = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < 1'000; ++i) {
    stream->publish(kShard, batch(next + i, 100));
    (void)stream->fetch(Follower::kInbox, kShard, {next}, 10);
    stream->acknowledge(Follower::kInbox, kShard, {next});
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(1));
  engine("thaw", "nats");
  begin(*stream, *stream, next + 1'000);
}

TEST_F(NatsStreamTest, AServerThatIsNotThereAtTheStartIsFoundLater) {
  engine("kill", "nats");
  const auto stream = open();
  stream->publish(kShard, batch(1, 1));
  EXPECT_THAT(stream->fetch(Follower::kInbox, kShard, {1}, 10).value(), testing::IsEmpty());
  engine("start", "nats");
  begin(*stream, *stream, 2);
}

TEST_F(NatsStreamTest, NobodyWaitsForAServerThatStaysFrozen) {
  const auto publisher = open();
  const auto stream = open();
  uint64_t next = begin(*publisher, *stream);
  for (int i = 0; i < 100; ++i) {
    publisher->publish(kShard, batch(next++, 1));
  }
  ASSERT_TRUE(comes(*stream, next - 100, next));
  engine("freeze", "nats");
  const auto end = std::chrono::steady_clock::now() + seconds(8);
  milliseconds longest{0};
  uint64_t done = next - 100;
  while (std::chrono::steady_clock::now() < end) {
    const auto began = std::chrono::steady_clock::now();
    stream->publish(kShard, batch(next++, 100));
    (void)stream->fetch(Follower::kInbox, kShard, {done}, 10);
    stream->acknowledge(Follower::kInbox, kShard, {done++});
    stream->leave(Follower::kSettlement, kShard);
    (void)stream->fetch(Follower::kSettlement, kShard, {done}, 10);
    longest = std::max(longest, std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began));
    std::this_thread::sleep_for(milliseconds(80));
  }
  EXPECT_LT(longest, milliseconds(300));
  engine("thaw", "nats");
}

TEST_F(NatsStreamTest, AfterARestartMessagesComeAgainSoon) {
  const auto publisher = open();
  const auto follower = open();
  const uint64_t next = begin(*publisher, *follower);
  engine("restart", "nats");
  const auto began = std::chrono::steady_clock::now();
  begin(*publisher, *follower, next);
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(5));
}

TEST(VoucherCodec, RoundTrips) {
  const Order made = order(key(3), 100, 2);
  const std::vector<Voucher> vouchers{paid(8, made), opened(9, made.key, 1, "ann", 60),
                                      refunded(10, made.key, "sender", 40)};
  EXPECT_EQ(nats::decode_vouchers(kShard, nats::encode_vouchers(kShard, vouchers)), vouchers);
}

TEST(VoucherCodec, BelievesNothing) {
  const std::string good = nats::encode_vouchers(kShard, std::vector{opened(9, key(3), 1, "ann", 60)});
  EXPECT_EQ(nats::decode_vouchers(kOtherShard, good), std::nullopt);
  EXPECT_EQ(nats::decode_vouchers(kShard, ""), std::nullopt);
  EXPECT_EQ(nats::decode_vouchers(kShard, good.substr(0, good.size() - 1)), std::nullopt);
  const std::string bad_user = nats::encode_vouchers(kShard, std::vector{opened(9, key(3), 1, "a/b", 60)});
  EXPECT_EQ(nats::decode_vouchers(kShard, bad_user), std::nullopt);
}

}  // namespace
}  // namespace hongbao
