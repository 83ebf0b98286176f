// What edge/forwarder.h tells of requests that it brought to a node which left them unanswered, or refused them after
// that.
#include "edge/forwarder.h"

#include <gtest/gtest.h>

#include <future>

#include "adapters/memory/log_voucher_stream.h"
#include "edge/peer_test_nodes.h"
#include "edge/problem.h"
#include "support/memory_membership.h"
#include "support/memory_order_store.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLease{60'000};
constexpr uint16_t kShardCount = 8;

// Whoever asked.
class Asker final : public ReplyTarget {
 public:
  void answer(std::shared_ptr<ReplyTarget>, uint64_t, HttpResponse response) override {
    answer_.set_value(std::move(response));
  }
  void give_up(std::shared_ptr<ReplyTarget>, uint64_t) override { answer_.set_value({}); }
  HttpResponse wait() { return answer_.get_future().get(); }

 private:
  std::promise<HttpResponse> answer_;
};

class ForwarderTest : public testing::Test {
 protected:
  ForwarderTest() {
    for (uint16_t number = 0; number < kShardCount; ++number) {
      const ShardId id{Region::kSouth, number};
      ids_.push_back(id);
      stores_.emplace(id, std::make_unique<MemoryOrderStore>(id));
      orders_.emplace(id, stores_.at(id).get());
    }
    stream_.emplace(orders_);
    for (const ShardId id : ids_) {
      shards_.add(std::make_unique<Shard>(id, *stores_.at(id), *stream_, system_clock(), ShardOptions(), registry_));
    }
    EXPECT_TRUE(members_.beat({"owner", owner_.address()}, 1, kLease).has_value());
    placement_.emplace(shards_, std::vector<Placement::Group>{{&members_, ids_}},
                       PlacementOptions{.self = {"self", "127.0.0.1:1"}, .incarnation = 1, .lease = kLease});
    EXPECT_TRUE(placement_->step().has_value());
    forwarder_.emplace(shards_, *placement_, peers_, io_, ForwarderLimits{.retry_pause = milliseconds(5)}, registry_);
  }
  ~ForwarderTest() override { io_.stop(); }

  std::shared_ptr<Asker> bring(http::verb method, const std::string& target, milliseconds timeout) {
    const auto elsewhere =
        std::ranges::find_if(ids_, [&](ShardId id) { return placement_->owner(id)->node == "owner"; });
    auto asker = std::make_shared<Asker>();
    forwarder_->bring(*elsewhere,
                      {.request = {.user = UserId::trusted("alice"),
                                   .method = method,
                                   .target = target,
                                   .deadline = std::chrono::steady_clock::now() + timeout}},
                      Call(Reply(asker, 0), metrics_, timeout));
    return asker;
  }
  // Takes the first try and says nothing of it; refuses the second.
  std::string told_after_a_lost_try(http::verb method, const Error& refusal) {
    const auto asker = bring(method, "/held", milliseconds(10'000));
    {
      const Reply lost = owner_.take("/held");
    }
    owner_.take("/held").send(problem(refusal));
    return asker->wait().body;
  }

  prometheus::Registry registry_;
  std::vector<ShardId> ids_;
  std::map<ShardId, std::unique_ptr<MemoryOrderStore>> stores_;
  std::map<ShardId, OrderStore*> orders_;
  std::optional<LogVoucherStream> stream_;
  MemoryMembership members_;
  ShardSet shards_;
  AnsweringNode owner_;
  PeerIo io_{kClusterKey, test_limits()};
  PeerPool peers_{io_};
  std::optional<Placement> placement_;
  std::optional<Forwarder> forwarder_;
  RouteMetrics metrics_{registry_, "public", "a route"};
};

TEST_F(ForwarderTest, ARefusalAfterALostTryIsNoWordOnWhatTheFirstTryDid) {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kOverloaded, ErrorCode::kPacketBusy}) {
    const std::string told = told_after_a_lost_try(http::verb::post, {code});
    EXPECT_NE(told.find("outcome_unknown"), std::string::npos) << told;
  }
}

TEST_F(ForwarderTest, WhatTheOwnerKnowsIsToldAlsoAfterALostTry) {
  const std::string told = told_after_a_lost_try(http::verb::post, {ErrorCode::kInsufficientFunds});
  EXPECT_NE(told.find("insufficient_funds"), std::string::npos) << told;
}

TEST_F(ForwarderTest, ReadsAreNeverInDoubt) {
  const std::string told = told_after_a_lost_try(http::verb::get, {ErrorCode::kUnavailable});
  EXPECT_NE(told.find("problem:unavailable"), std::string::npos) << told;
}

TEST_F(ForwarderTest, AnOwnerThatDoesNotAnswerIsNotTakenForNoOwner) {
  const auto read = bring(http::verb::get, "/held", milliseconds(200));
  const auto open = bring(http::verb::post, "/held", milliseconds(200));
  const std::string read_told = read->wait().body;
  EXPECT_NE(read_told.find("deadline_exceeded"), std::string::npos) << read_told;
  const std::string open_told = open->wait().body;
  EXPECT_NE(open_told.find("outcome_unknown"), std::string::npos) << open_told;
}

}  // namespace
}  // namespace hongbao
