// A MariaDB server that is killed, frozen, restarted, or has no room on its disk: the head tells afterwards what took
// effect, nobody waits for ever, and everybody goes on by themselves when it is back.
#include <algorithm>
#include <random>
#include <thread>

#include "adapters/mariadb/membership.h"
#include "contract/mariadb_orders.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::SizeIs;

class MariadbOrderTroubles : public MariadbOrders, public testing::WithParamInterface<const char*> {};

std::string trouble_name(const testing::TestParamInfo<const char*>& trouble) {
  return trouble.param;
}

INSTANTIATE_TEST_SUITE_P(Troubles, MariadbOrderTroubles, testing::Values("kill", "freeze"), trouble_name);

// The server suffers at some moment of a stream of commits, most of which is spent in COMMIT.
TEST_P(MariadbOrderTroubles, TheHeadTellsAfterwardsWhatTookEffect) {
  constexpr int rounds = 4;
  mariadb::Server server = test_mariadb();
  server.answer_timeout = server.connect_timeout = seconds(1);
  const auto store = open(server);
  ShardHead head = start(*store);
  std::mt19937 dice(std::random_device{}());
  for (int round = 0; round < rounds; ++round) {
    std::jthread trouble([&] {
      std::this_thread::sleep_for(milliseconds(std::uniform_int_distribution(20, 120)(dice)));
      engine(GetParam(), "mariadb");
    });
    CommitBatch batch = some_opens(head);
    auto from = steady_clock::now();
    while (store->commit(batch) == CommitOutcome::kCommitted) {
      batch = some_opens({head.epoch, batch.next()});
      from = steady_clock::now();
    }
    EXPECT_LT(steady_clock::now() - from, seconds(4)) << "nobody waits for ever";
    trouble.join();
    EXPECT_FALSE(store->head().has_value()) << "a server that does not serve is an error to readers as well";
    engine(GetParam() == std::string("kill") ? "start" : "thaw", "mariadb");
    head = acquire(*store);
    EXPECT_TRUE(head.next_voucher == batch.expected_next || head.next_voucher == batch.next());
    EXPECT_GT(head.epoch, batch.epoch);
    expect_whole_log(*store, head.next_voucher);
  }
}

TEST_F(MariadbOrders, ReadersAndMembersOutliveARestartOfTheServer) {
  const ScratchDatabase members(mariadb::members_database(scratch_prefix()));
  const auto membership = mariadb::Membership::open(test_mariadb(), members.name()).value();
  const auto store = open();
  const ShardHead head = start(*store);
  ASSERT_TRUE(membership->beat({"ann", "127.0.0.1:1"}, 1, seconds(60)).has_value());
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(store->head().value(), head);  // every reader is connected
  }
  engine("restart", "mariadb");
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(store->head().value(), head) << "a broken connection is no error to the reader";
  }
  (void)membership->members();  // may meet the broken connection
  EXPECT_THAT(membership->members().value(), SizeIs(1));
}

// A node that waited longer would miss its beats at servers that are well.
TEST_F(MariadbOrders, ABeatGivesAFrozenServerUpInASecondOrTwo) {
  const ScratchDatabase members(mariadb::members_database(scratch_prefix()));
  const auto membership = mariadb::Membership::open(patient(), members.name()).value();
  ASSERT_TRUE(membership->beat({"ann", "127.0.0.1:1"}, 1, seconds(60)).has_value());
  engine("freeze", "mariadb");
  for (int i = 0; i < 2; ++i) {  // on the connection it has, and making one
    const auto from = steady_clock::now();
    EXPECT_FALSE(membership->beat({"ann", "127.0.0.1:1"}, 1, seconds(60)).has_value());
    EXPECT_LT(steady_clock::now() - from, seconds(2)) << i;
  }
  engine("thaw", "mariadb");
  EXPECT_TRUE(membership->beat({"ann", "127.0.0.1:1"}, 1, seconds(60)).has_value());
}

class MariadbFullDisk : public MariadbOrders {
 protected:
  MariadbFullDisk() { engine("small_disk", "mariadb"); }
  ~MariadbFullDisk() override { engine("usual_disk", "mariadb"); }
  static mariadb::Server impatient() {
    mariadb::Server server = test_mariadb();
    server.answer_timeout = seconds(1);
    return server;
  }
  // Commits until one fails, and returns that.
  static CommitBatch commit_until_full(OrderStore& store, ShardHead head, size_t vouchers) {
    engine("fill", "mariadb");
    CommitBatch batch = some_opens(head, vouchers);
    CommitOutcome outcome = store.commit(batch);
    for (; outcome == CommitOutcome::kCommitted; outcome = store.commit(batch)) {
      batch = some_opens({head.epoch, batch.next()}, vouchers);
    }
    EXPECT_EQ(outcome, CommitOutcome::kUnknown);
    return batch;
  }
};

// A table that can't grow is an error at once.
TEST_F(MariadbFullDisk, WhatFoundNoRoomTookNoEffectAndTheServerGoesOnWhenThereIsSome) {
  const auto store = open(impatient());
  const CommitBatch batch = commit_until_full(*store, start(*store), 512);
  EXPECT_TRUE(store->load(key(0)).value().has_value()) << "readers need no room";
  engine("drain", "mariadb");
  const ShardHead head = acquire(*store);
  EXPECT_TRUE(head.next_voucher == batch.expected_next || head.next_voucher == batch.next());
  const CommitBatch next = some_opens(head, 512);
  EXPECT_EQ(store->commit(next), CommitOutcome::kCommitted);
  expect_whole_log(*store, next.next());
}

// A binary log that can't grow makes the server wait in COMMIT, with the head in its hands; it may die there.
TEST_F(MariadbFullDisk, ACommitThatWaitsForRoomHoldsTheHeadUntilTheServerDies) {
  const auto store = open(impatient());
  const CommitBatch batch = commit_until_full(*store, start(*store), 1);
  EXPECT_EQ(open(impatient())->acquire("successor", kNoLease).error().code, ErrorCode::kStorage);
  engine("kill", "mariadb");
  engine("drain", "mariadb");
  engine("start", "mariadb");
  const ShardHead head = acquire(*store);
  EXPECT_TRUE(head.next_voucher == batch.expected_next || head.next_voucher == batch.next());
  const CommitBatch next = some_opens(head);
  EXPECT_EQ(store->commit(next), CommitOutcome::kCommitted);
  expect_whole_log(*store, next.next());
}

}  // namespace
}  // namespace hongbao
