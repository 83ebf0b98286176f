// Somebody with the server's address and without the key: forges, changes, repeats and reorders messages of the voucher
// stream. Followers hear of nothing but what nodes published.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "adapters/nats/connection.h"
#include "contract/stream_calls.h"
#include "support/eventually.h"

namespace hongbao::nats_forger_test {
namespace {

using std::chrono::milliseconds;
using testing::IsEmpty;

constexpr Term kEarlierTerm{2ULL << 32};

class Forger {
 public:
  // Speaks at `subject`.
  explicit Forger(std::string subject)
      : subject_(std::move(subject)), connection_(nats::make<natsConnection>([](natsConnection** made) {
          return natsConnection_ConnectTo(made, required_environment("HONGBAO_TEST_NATS").c_str());
        })) {}

  void say(const std::string& message) { say_at(subject_, message, {}); }
  void say_at(const std::string& subject, const std::string& message, const std::string& reply_to) {
    EXPECT_EQ(natsConnection_PublishRequest(connection_.get(), subject.c_str(),
                                            reply_to.empty() ? "nobody" : reply_to.c_str(), message.data(),
                                            static_cast<int>(message.size())),
              NATS_OK);
    EXPECT_EQ(natsConnection_Flush(connection_.get()), NATS_OK);
  }

  nats::Owned<natsSubscription> listen(const std::string& subject) {
    auto subscription = nats::make<natsSubscription>([&](natsSubscription** made) {
      return natsConnection_SubscribeSync(made, connection_.get(), subject.c_str());
    });
    EXPECT_EQ(natsConnection_Flush(connection_.get()), NATS_OK);
    return subscription;
  }
  // What came there; empty when nothing came in time.
  static std::string next(natsSubscription* subscription, milliseconds limit = kStreamForever) {
    const auto message = nats::make<natsMsg>(
        [&](natsMsg** made) { return natsSubscription_NextMsg(made, subscription, limit.count()); });
    return message
               ? std::string(natsMsg_GetData(message.get()), static_cast<size_t>(natsMsg_GetDataLength(message.get())))
               : std::string();
  }

 private:
  const std::string subject_;
  nats::Owned<natsConnection> connection_;
};

class NatsForgerTest : public testing::Test {
 protected:
  NatsForgerTest() {
    next_ = begin(*stream_, *stream_);
    // What `begin` published was heard too.
    while (!Forger::next(quiet_.get(), milliseconds(100)).empty()) {
    }
  }

  double refused() { return add_counter(registry_, "hongbao_stream_refused_total", "").Value(); }
  // All of the batch and nothing else came, and nothing comes behind it.
  void expect_only(const std::vector<Voucher>& vouchers) {
    const uint64_t from = vouchers.front().no.value;
    EXPECT_TRUE(comes(*stream_, from, from + vouchers.size()));
    EXPECT_EQ(stream_->fetch(Follower::kInbox, {kShard, kTerm, {from}, 10'000}).value(), vouchers);
  }
  std::string forged(const Key256& key, Term term, std::vector<Voucher> vouchers) {
    return VoucherBatchCodec(key).print({kShard, term, std::move(vouchers)});
  }

  const std::string prefix_ = scratch_prefix();
  const std::string subject_ = prefix_ + "hongbao.south.vouchers." + to_text(kShard);
  prometheus::Registry registry_;
  std::unique_ptr<NatsVoucherStream> stream_ = open_nats_stream(prefix_, registry_);
  Forger forger_{subject_};
  nats::Owned<natsSubscription> quiet_ = forger_.listen(subject_);
  uint64_t next_ = 0;
};

TEST_F(NatsForgerTest, WhatWasMadeWithoutTheKeyIsRefusedAndCounted) {
  const std::vector<Voucher> mine{opened(next_, key(3), 1, "mallory", 15'000)};
  forger_.say(forged(Key256{}, kTerm, mine));
  forger_.say(forged(Key256{9}, kTerm, mine));
  forger_.say("");
  forger_.say("garbage");
  forger_.say(std::string(300'000, 'x'));
  EXPECT_TRUE(eventually([&] { return refused() == 5; })) << refused();
  EXPECT_THAT(stream_->fetch(Follower::kInbox, {kShard, kTerm, {next_}, 10}).value(), IsEmpty());
  const auto honest = batch(next_, 5);
  stream_->publish(kShard, kTerm, honest);
  expect_only(honest);
}

TEST_F(NatsForgerTest, NothingOfAMessageCanBeChanged) {
  const auto honest = batch(next_, 5);
  stream_->publish(kShard, kTerm, honest);
  const std::string good = Forger::next(quiet_.get());
  ASSERT_FALSE(good.empty());
  std::mt19937 dice(7);
  constexpr int kTries = 200;
  for (int i = 0; i < kTries; ++i) {
    std::string changed = good;
    changed[dice() % changed.size()] ^= static_cast<char>(1U << dice() % 8);
    forger_.say(changed);
  }
  EXPECT_TRUE(eventually([&] { return refused() == kTries; })) << refused();
  expect_only(honest);
}

TEST_F(NatsForgerTest, AMessageOfAnotherShardIsRefused) {
  forger_.say(VoucherBatchCodec(kStreamKey).print({kOtherShard, kTerm, {opened(next_, key(3), 1, "ann", 7)}}));
  EXPECT_TRUE(eventually([&] { return refused() == 1; })) << refused();
}

// Genuine once: before the shard went back to an older copy, in which other vouchers have these numbers.
TEST_F(NatsForgerTest, WhatAnEarlierOwnerWroteIsLeftToTheLog) {
  const auto old = batch(next_, 5);
  stream_->publish(kShard, kEarlierTerm, old);
  ASSERT_TRUE(eventually([&] {
    return stream_->fetch(Follower::kSettlement, {kShard, kTerm, {next_}, 10}).has_value() &&
           !Forger::next(quiet_.get(), milliseconds(100)).empty();
  }));
  const auto honest = batch(next_, 2);
  stream_->publish(kShard, kTerm, honest);
  expect_only(honest);
}

TEST_F(NatsForgerTest, GenuineMessagesThatComeAgainAndInDisorderSayNothingNew) {
  std::vector<std::string> heard;
  std::vector<Voucher> honest;
  for (uint64_t i = 0; i < 5; ++i) {
    const auto part = batch(next_ + i * 3, 3);
    honest.insert(honest.end(), part.begin(), part.end());
    stream_->publish(kShard, kTerm, part);
    ASSERT_TRUE(comes(*stream_, next_, next_ + honest.size()));
    for (std::string message; !(message = Forger::next(quiet_.get(), milliseconds(50))).empty();) {
      heard.push_back(std::move(message));
    }
  }
  std::mt19937 dice(7);
  for (int i = 0; i < 100; ++i) {
    forger_.say(heard[dice() % heard.size()]);
  }
  std::this_thread::sleep_for(milliseconds(200));
  // Repeats may come; the follower drops them (service/log_follower.h). No number says two things.
  const auto came = stream_->fetch(Follower::kInbox, {kShard, kTerm, {next_}, 10'000}).value();
  EXPECT_GE(came.size(), honest.size());
  for (const Voucher& voucher : came) {
    ASSERT_GE(voucher.no.value, next_);
    ASSERT_LT(voucher.no.value, next_ + honest.size());
    EXPECT_EQ(voucher, honest[voucher.no.value - next_]);
  }
  EXPECT_EQ(refused(), 0);
}

// A node that answers where a message says would say it with the node's own rights.
TEST_F(NatsForgerTest, NothingIsSaidWhereAForgerWantsIt) {
  const auto elsewhere = forger_.listen(prefix_ + "elsewhere");
  const auto inboxes = forger_.listen("$JS.API.CONSUMER.MSG.NEXT.>");
  stream_->publish(kShard, kTerm, batch(next_, 1));
  expect_only(batch(next_, 1));
  stream_->acknowledge(Follower::kInbox, kShard, {next_ + 1});
  // Where a follower takes its messages is in every request of it.
  const auto request = nats::make<natsMsg>([&](natsMsg** made) {
    return natsSubscription_NextMsg(made, inboxes.get(), milliseconds(kStreamForever).count());
  });
  ASSERT_TRUE(request);
  const std::string inbox = natsMsg_GetReply(request.get());
  const auto honest = batch(next_ + 1, 2);
  forger_.say_at(inbox, VoucherBatchCodec(kStreamKey).print({kShard, kTerm, honest}), prefix_ + "elsewhere");
  forger_.say_at(inbox, "garbage", prefix_ + "elsewhere");
  EXPECT_EQ(Forger::next(elsewhere.get(), milliseconds(300)), "");
  stream_->publish(kShard, kTerm, honest);
  expect_only(honest);
}

}  // namespace
}  // namespace hongbao::nats_forger_test
