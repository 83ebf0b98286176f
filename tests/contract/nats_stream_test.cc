// The voucher stream in NATS: what it delivers, to whom, and that it comes back after whatever befell the server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "contract/stream_calls.h"
#include "support/eventually.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What an operator does to the stream.
class Operator {
 public:
  explicit Operator(std::string stream)
      : stream_(std::move(stream)),
        connection_(nats::make<natsConnection>([](natsConnection** made) {
          return natsConnection_ConnectTo(made, required_environment("HONGBAO_TEST_NATS").c_str());
        })),
        context_(nats::make<jsCtx>(
            [&](jsCtx** made) { return natsConnection_JetStream(made, connection_.get(), nullptr); })) {}

  void delete_stream() { EXPECT_EQ(js_DeleteStream(context_.get(), stream_.c_str(), nullptr, nullptr), NATS_OK); }
  void delete_consumer(const std::string& durable) {
    EXPECT_EQ(js_DeleteConsumer(context_.get(), stream_.c_str(), durable.c_str(), nullptr, nullptr), NATS_OK);
  }
  uint64_t messages() {
    const auto info = nats::make<jsStreamInfo>(
        [&](jsStreamInfo** made) { return js_GetStreamInfo(made, context_.get(), stream_.c_str(), nullptr, nullptr); });
    return info ? info->State.Msgs : 0;
  }
  int64_t age_max_s() {
    const auto info = nats::make<jsStreamInfo>(
        [&](jsStreamInfo** made) { return js_GetStreamInfo(made, context_.get(), stream_.c_str(), nullptr, nullptr); });
    return info ? info->Config->MaxAge / 1'000'000'000 : 0;
  }
  // Takes messages as a follower does, and dies with them; or gives them back.
  void take(const std::string& durable, int count, bool gives_back) {
    const std::string subject = "$JS.API.CONSUMER.MSG.NEXT." + stream_ + "." + durable;
    const auto inbox = nats::make<natsSubscription>(
        [&](natsSubscription** made) { return natsConnection_SubscribeSync(made, connection_.get(), "operator"); });
    const std::string request = R"({"batch":)" + std::to_string(count) + "}";
    EXPECT_EQ(natsConnection_PublishRequestString(connection_.get(), subject.c_str(), "operator", request.c_str()),
              NATS_OK);
    for (int i = 0; i < count; ++i) {
      const auto message = nats::make<natsMsg>([&](natsMsg** made) {
        return natsSubscription_NextMsg(made, inbox.get(), milliseconds(kStreamForever).count());
      });
      ASSERT_TRUE(message && natsMsg_GetDataLength(message.get()) > 0);
      if (gives_back) {
        EXPECT_EQ(natsConnection_PublishString(connection_.get(), natsMsg_GetReply(message.get()), "-NAK"), NATS_OK);
      }
    }
    EXPECT_EQ(natsConnection_Flush(connection_.get()), NATS_OK);
  }

 private:
  const std::string stream_;
  nats::Owned<natsConnection> connection_;
  nats::Owned<jsCtx> context_;
};

const NatsStreamOptions kEachAlone{.joined_vouchers_max = 0};  // every batch a message of its own

class NatsStreamTest : public testing::Test {
 protected:
  ~NatsStreamTest() override { engine("restart", "nats"); }

  std::unique_ptr<NatsVoucherStream> open(NatsStreamOptions options = {}) {
    return open_nats_stream(prefix_, registry_, std::move(options));
  }
  double counted(const std::string& what) {
    return add_counter(registry_, "hongbao_stream_" + what + "_total", "").Value();
  }
  // What `begin` published alone, up to `next`, is confirmed: it may have come to a follower before.
  bool has_begun(uint64_t next) {
    return eventually([&] { return counted("published") + counted("dropped") >= static_cast<double>(next - 1); });
  }

  const std::string prefix_ = scratch_prefix();
  const std::string stream_ = prefix_ + "HONGBAO_SOUTH_VOUCHERS";
  const std::string durable_ = "inbox-" + to_text(kShard);
  prometheus::Registry registry_;
};

TEST_F(NatsStreamTest, WhatIsPublishedComesToAFollowerElsewhere) {
  const auto publisher = open();
  const auto follower = open();
  const uint64_t next = begin(*publisher, *follower);
  const auto first = batch(next, 300);
  publisher->publish(kShard, kTerm, first);
  publisher->publish(kShard, kTerm, batch(next + 300, 2));
  ASSERT_TRUE(comes(*follower, next, next + 302));
  EXPECT_EQ(follower->fetch(Follower::kInbox, {kShard, kTerm, {next}, 300}).value(), first);
  EXPECT_EQ(follower->fetch(Follower::kInbox, {kShard, kTerm, {next + 5}, 2}).value().front().no, VoucherNo{next + 5});
  EXPECT_THAT(follower->fetch(Follower::kInbox, {kShard, kTerm, {next + 302}, 10}).value(), testing::IsEmpty());
}

TEST_F(NatsStreamTest, ItTellsWhereItEnds) {
  const auto stream = open();
  EXPECT_EQ(stream->end(kShard).value(), VoucherNo{1});
  stream->publish(kShard, kTerm, batch(7, 5));
  EXPECT_TRUE(eventually([&] {
    stream->publish(kShard, kTerm, batch(7, 5));  // what comes before there is a stream is dropped
    return stream->end(kShard).value_or(VoucherNo{}) == VoucherNo{12};
  }));
  EXPECT_EQ(stream->end(kOtherShard).value(), VoucherNo{1});
}

TEST_F(NatsStreamTest, WhatWasAcknowledgedDoesNotComeToTheNextProcess) {
  const auto publisher = open(kEachAlone);
  uint64_t next = 0;
  {
    const auto follower = open();
    next = begin(*publisher, *follower);
    publisher->publish(kShard, kTerm, batch(next, 2));
    publisher->publish(kShard, kTerm, batch(next + 2, 2));
    ASSERT_TRUE(comes(*follower, next, next + 4));
    follower->acknowledge(Follower::kInbox, kShard, {next + 3});  // the second batch only in part
  }
  const auto successor = open();
  ASSERT_TRUE(comes(*successor, next + 2, next + 4)) << "it was given back";
  EXPECT_EQ(successor->fetch(Follower::kInbox, {kShard, kTerm, {next}, 10}).value().front().no, VoucherNo{next + 2});
}

// After the databases went back to an older copy the stream still has what was committed since, with the numbers that
// come next. Whoever takes the shard then has a term of its own.
TEST_F(NatsStreamTest, WhatIsOfAnEarlierTermIsLeftToTheLog) {
  const auto publisher = open(kEachAlone);
  uint64_t next = 0;
  {
    const auto follower = open();
    next = begin(*publisher, *follower);
    publisher->publish(kShard, kTerm, batch(next, 2));
    ASSERT_TRUE(comes(*follower, next, next + 2));
  }
  const auto successor = open();
  const auto after = batch(next, 3);
  EXPECT_TRUE(eventually([&] {
    publisher->publish(kShard, kNextTerm, {&after.back(), 1});
    return !successor->fetch(Follower::kInbox, {kShard, kNextTerm, {next}, 10}).value().empty();
  }));
  const auto came = successor->fetch(Follower::kInbox, {kShard, kNextTerm, {next}, 10}).value();
  EXPECT_EQ(came.front(), after.back()) << "nothing of what was there before";
}

TEST_F(NatsStreamTest, AFollowerThatLeavesGivesBackWhatItHad) {
  const auto publisher = open();
  const auto first = open();
  const uint64_t next = begin(*publisher, *first);
  publisher->publish(kShard, kTerm, batch(next, 5));
  ASSERT_TRUE(comes(*first, next, next + 5));
  first->leave(Follower::kInbox, kShard);
  const auto second = open();
  EXPECT_TRUE(comes(*second, next, next + 5, seconds(10)));
}

TEST_F(NatsStreamTest, OneThatDiedWithItsArmsFullHoldsUpNobody) {
  const auto publisher = open(kEachAlone);
  uint64_t next = begin(*publisher, *open());
  const int count = nats::Subscription::kMessagesMax;
  for (int i = 0; i < count; ++i) {
    publisher->publish(kShard, kTerm, batch(next++, 1));
  }
  Operator(stream_).take(durable_, count, /*gives_back=*/false);
  const auto follower = open();
  (void)follower->fetch(Follower::kInbox, {kShard, kTerm, {next}, 1});
  publisher->publish(kShard, kTerm, batch(next, 1));
  EXPECT_TRUE(comes(*follower, next, next + 1, seconds(10)));
}

TEST_F(NatsStreamTest, WhatAnotherHadBeforeIsCounted) {
  const auto publisher = open(kEachAlone);
  const uint64_t next = begin(*publisher, *open());
  publisher->publish(kShard, kTerm, batch(next, 1));
  publisher->publish(kShard, kTerm, batch(next + 1, 1));
  Operator(stream_).take(durable_, 2, /*gives_back=*/true);
  const auto follower = open();
  EXPECT_TRUE(comes(*follower, next, next + 2));
  EXPECT_EQ(counted("redelivered"), 2);
}

TEST_F(NatsStreamTest, WhatAFollowerDoesNotTakeStaysOnTheServer) {
  const auto stream = open(kEachAlone);
  const uint64_t next = begin(*stream, *stream);
  constexpr size_t kVouchers = 512;
  constexpr size_t kBatches = 1.5 * nats::Subscription::kMessagesMax;
  const uint64_t end = next + kBatches * kVouchers;
  ASSERT_TRUE(has_begun(next));
  const double before = counted("published");
  for (uint64_t no = next; no < end; no += kVouchers) {
    stream->publish(kShard, kTerm, batch(no, kVouchers));
  }
  ASSERT_TRUE(eventually([&] { return counted("published") == before + kBatches; })) << counted("dropped");
  std::this_thread::sleep_for(milliseconds(500));
  const size_t here = stream->fetch(Follower::kInbox, {kShard, kTerm, {next}, end}).value().size();
  EXPECT_GE(here, nats::Subscription::kVouchersMax);
  EXPECT_LE(here, nats::Subscription::kVouchersMax + 2 * nats::Subscription::kPullMessages * kVouchers);
  for (uint64_t no = next; no < end; no += kVouchers) {
    ASSERT_TRUE(comes(*stream, no, no + kVouchers)) << no - next;
  }
}

TEST_F(NatsStreamTest, ABatchThatIsPublishedAgainIsOneMessage) {
  const auto stream = open(kEachAlone);
  const uint64_t next = begin(*stream, *stream);
  ASSERT_TRUE(has_begun(next));
  const uint64_t before = Operator(stream_).messages();
  const double published = counted("published");
  stream->publish(kShard, kTerm, batch(next, 5));
  stream->publish(kShard, kTerm, batch(next, 5));
  ASSERT_TRUE(eventually([&] { return counted("published") == published + 2; }));
  EXPECT_EQ(Operator(stream_).messages(), before + 1);
}

TEST_F(NatsStreamTest, BatchesThatComeWhileThePublisherRestsAreOneMessage) {
  const auto stream = open({.publisher_rest = seconds(1)});
  const uint64_t next = begin(*stream, *stream);
  const uint64_t before = Operator(stream_).messages();
  stream->publish(kShard, kTerm, batch(next, 1));
  for (uint64_t no = next + 1; no < next + 100; ++no) {
    stream->publish(kShard, kTerm, batch(no, 1));
  }
  ASSERT_TRUE(comes(*stream, next, next + 100));
  EXPECT_LE(Operator(stream_).messages(), before + 3);
}

TEST_F(NatsStreamTest, OnlyWhatContinuesABatchIsJoinedToItAndOnlyUpToALimit) {
  const auto stream = open({.joined_vouchers_max = 10, .publisher_rest = seconds(1)});
  const uint64_t next = begin(*stream, *stream);
  const uint64_t before = Operator(stream_).messages();
  ASSERT_TRUE(eventually([&] { return counted("published") == static_cast<double>(before); }));
  const double published = counted("published");
  stream->publish(kShard, kTerm, batch(next, 6));
  stream->publish(kShard, kTerm, batch(next + 6, 6));    // too many together
  stream->publish(kShard, kTerm, batch(next + 6, 2));    // comes again
  stream->publish(kShard, kTerm, batch(next + 20, 20));  // behind a gap, and more than the limit by itself
  ASSERT_TRUE(comes(*stream, next, next + 12));
  ASSERT_TRUE(comes(*stream, next + 20, next + 40));
  // A message may come before the publisher hears that it was taken.
  EXPECT_TRUE(eventually([&] { return counted("published") == published + 4; })) << counted("published") - published;
  EXPECT_EQ(Operator(stream_).messages(), before + 3) << "the third has the id of the second";
}

TEST_F(NatsStreamTest, FollowersHavePlacesOfTheirOwn) {
  const auto stream = open();
  const uint64_t next = begin(*stream, *stream);
  (void)stream->fetch(Follower::kSettlement, {kShard, kTerm, {1}, 1});  // begins to follow
  stream->publish(kShard, kTerm, batch(next, 1));
  ASSERT_TRUE(comes(*stream, next, next + 1));
  stream->acknowledge(Follower::kSettlement, kShard, {next + 1});
  EXPECT_TRUE(comes(*stream, next, next + 1)) << "another's acknowledgement";
}

TEST_F(NatsStreamTest, AServerThatLostItsStoreGetsAStreamAgain) {
  const auto publisher = open();
  const auto follower = open();
  const uint64_t next = begin(*publisher, *follower);
  engine("wipe", "nats");
  begin(*publisher, *follower, next);
}

TEST_F(NatsStreamTest, AStreamHasTheLimitsOfWhoBeganLast) {
  const auto first = open();
  const uint64_t next = begin(*first, *first);
  const auto second = open({.age_max = seconds(600)});
  EXPECT_TRUE(eventually([&] { return Operator(stream_).age_max_s() == 600; }));
  const auto third = open();
  EXPECT_TRUE(eventually([&] { return Operator(stream_).age_max_s() == 3'600; }));
  begin(*first, *second, next);
}

TEST_F(NatsStreamTest, ADeletedStreamIsMadeAgain) {
  const auto publisher = open();
  const auto follower = open();
  const uint64_t next = begin(*publisher, *follower);
  Operator(stream_).delete_stream();
  const auto began = std::chrono::steady_clock::now();
  begin(*publisher, *follower, next);
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(5));
}

TEST_F(NatsStreamTest, ADeletedConsumerIsMadeAgain) {
  const auto publisher = open();
  const auto follower = open();
  const uint64_t next = begin(*publisher, *follower);
  Operator(stream_).delete_consumer(durable_);
  const auto began = std::chrono::steady_clock::now();
  begin(*publisher, *follower, next);
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(5));
}

TEST_F(NatsStreamTest, WhatIsTooMuchForAFrozenServerIsDropped) {
  const auto stream = open({.messages_waiting_max = 10, .joined_vouchers_max = 0, .confirmations_waiting_max = 10});
  const uint64_t next = begin(*stream, *stream);
  engine("freeze", "nats");
  for (uint64_t i = 0; i < 1'000; ++i) {
    stream->publish(kShard, kTerm, batch(next + i, 100));
  }
  EXPECT_GE(counted("dropped"), 900);
  engine("thaw", "nats");
  begin(*stream, *stream, next + 1'000);
}

TEST_F(NatsStreamTest, AServerThatIsNotThereAtTheStartIsFoundLater) {
  engine("kill", "nats");
  const auto stream = open();
  stream->publish(kShard, kTerm, batch(1, 1));
  EXPECT_THAT(stream->fetch(Follower::kInbox, {kShard, kTerm, {1}, 10}).value(), testing::IsEmpty());
  engine("start", "nats");
  begin(*stream, *stream, 2);
}

TEST_F(NatsStreamTest, NobodyWaitsForAServerThatStaysFrozen) {
  const auto publisher = open();
  const auto stream = open();
  uint64_t next = begin(*publisher, *stream);
  for (int i = 0; i < 100; ++i) {
    publisher->publish(kShard, kTerm, batch(next++, 1));
  }
  ASSERT_TRUE(comes(*stream, next - 100, next));
  engine("freeze", "nats");
  const auto end = std::chrono::steady_clock::now() + seconds(8);
  milliseconds longest{0};
  uint64_t done = next - 100;
  while (std::chrono::steady_clock::now() < end) {
    const auto began = std::chrono::steady_clock::now();
    stream->publish(kShard, kTerm, batch(next++, 100));
    (void)stream->fetch(Follower::kInbox, {kShard, kTerm, {done}, 10});
    stream->acknowledge(Follower::kInbox, kShard, {done++});
    stream->leave(Follower::kSettlement, kShard);
    (void)stream->fetch(Follower::kSettlement, {kShard, kTerm, {done}, 10});
    longest = std::max(longest, std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began));
    std::this_thread::sleep_for(milliseconds(80));
  }
  EXPECT_LT(longest, milliseconds(300));
  engine("thaw", "nats");
}

TEST_F(NatsStreamTest, AServerThatWasKilledGoesOnSoonWithWhatItStored) {
  const auto publisher = open();
  const auto follower = open();
  const uint64_t next = begin(*publisher, *follower);
  engine("restart", "nats");
  const auto began = std::chrono::steady_clock::now();
  begin(*publisher, *follower, next);
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(5));
}

TEST(StreamReply, SaysHowOftenItsMessageWasDelivered) {
  EXPECT_EQ(nats::deliveries("$JS.ACK.STREAM.inbox-s007.3.12.9.1700000000000000000.0"), 3U);
  EXPECT_EQ(nats::deliveries("$JS.ACK.south.hash.STREAM.inbox-s007.2.12.9.1700000000000000000.0"), 2U);
  EXPECT_EQ(nats::deliveries("$JS.ACK.south.hash.STREAM.inbox-s007.2.12.9.1700000000000000000.0.random"), 2U);
  EXPECT_EQ(nats::deliveries("$JS.ACK.STREAM"), 1U);
  EXPECT_EQ(nats::deliveries(""), 1U);
}

}  // namespace
}  // namespace hongbao
