// Two nodes that ask each other: who is ready when a database is silent for one of them, or for both.
#include "api/admin/region_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "net/link/peer_test_nodes.h"
#include "routing/peer_node_link.h"

namespace hongbao {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TestNode {
 public:
  explicit TestNode(const std::string& name)
      : io_(test_identity(name), test_limits()),
        server_(io_,
                [this](const PeerRequest& request, PeerReply reply) {
                  EXPECT_EQ(request.kind, static_cast<uint8_t>(LinkKind::kNodeReport));
                  reply.send(boost::json::serialize(status_.own()));
                }),
        pool_(io_),
        status_(shards_, watch_, &pool_,
                {.node = name, .cut_off_after = 0ms, .can_serve = [this] { return serves.load(); }}) {
    address_ = server_.bind("127.0.0.1:0").value();
    server_.start();
    status_.set_ready(true);
  }
  ~TestNode() { stop(); }

  // Looks at the same database, which knows both nodes.
  void watch(const TestNode& first, const TestNode& second) {
    watch_.add({"mariadb", "orders", "db:1"},
               [this, a = first.address_, b = second.address_]() -> Result<RegionWatch::Found> {
                 if (!is_answered) {
                   return fail(ErrorCode::kStorage, "no answer");
                 }
                 RegionWatch::Found found;
                 found.members = {{{"ann", a}, 3s}, {{"bob", b}, 3s}};
                 return found;
               });
    watch_.start();
    look();
  }
  void look() {
    watch_.refresh(std::chrono::steady_clock::now() + kPeerPatience);
    status_.look_at_neighbours();
  }
  void stop() { io_.stop(); }
  RegionStatus::Readiness readiness() { return status_.readiness(); }
  boost::json::object region() { return status_.region(std::chrono::steady_clock::now() + 1s); }

  std::atomic<bool> is_answered{true};
  std::atomic<bool> serves{true};

 private:
  ShardSet shards_;
  RegionWatch watch_;
  PeerIo io_;
  PeerServer server_;
  PeerPool pool_;
  RegionStatus status_;
  std::string address_;
};

class RegionStatusTest : public testing::Test {
 protected:
  RegionStatusTest() {
    ann_.watch(ann_, bob_);
    bob_.watch(ann_, bob_);
  }

  TestNode ann_{"ann"};
  TestNode bob_{"bob"};
};

TEST_F(RegionStatusTest, AllIsWell) {
  EXPECT_THAT(ann_.readiness().reasons, IsEmpty());
  EXPECT_THAT(ann_.readiness().degraded, IsEmpty());
  EXPECT_EQ(ann_.region().at("ok"), true) << boost::json::serialize(ann_.region());
}

TEST_F(RegionStatusTest, ANodeThatDoesNotKnowWhereThingsBelongIsNotReady) {
  ann_.serves = false;
  EXPECT_FALSE(ann_.readiness().is_ready());
  EXPECT_TRUE(bob_.readiness().is_ready());
}

TEST_F(RegionStatusTest, ADatabaseThatIsSilentForAllLeavesAllReady) {
  ann_.is_answered = false;
  bob_.is_answered = false;
  bob_.look();
  ann_.look();
  bob_.look();  // by now both have noticed
  EXPECT_TRUE(ann_.readiness().is_ready());
  EXPECT_TRUE(bob_.readiness().is_ready());
  EXPECT_THAT(ann_.readiness().degraded, ElementsAre(HasSubstr("mariadb (orders) has not answered for ")));
}

TEST_F(RegionStatusTest, ANodeThatIsCutOffFromWhatAnswersAnotherIsNotReadyUntilItIsBack) {
  ann_.is_answered = false;
  ann_.look();
  EXPECT_THAT(ann_.readiness().reasons, ElementsAre(HasSubstr("and answers bob")));
  EXPECT_TRUE(bob_.readiness().is_ready());
  EXPECT_EQ(bob_.region().at("ok"), false);
  ann_.is_answered = true;
  ann_.look();
  EXPECT_TRUE(ann_.readiness().is_ready());
}

TEST_F(RegionStatusTest, ANodeThatIsAloneStaysReady) {
  bob_.stop();
  ann_.is_answered = false;
  ann_.look();
  EXPECT_TRUE(ann_.readiness().is_ready());
  EXPECT_EQ(ann_.region().at("ok"), false);
}

}  // namespace
}  // namespace hongbao
