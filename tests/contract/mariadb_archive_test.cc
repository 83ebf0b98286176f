// What can go wrong between the two databases that a day moves between.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/cutting_proxy.h"
#include "contract/mariadb_orders.h"

namespace hongbao {
namespace {

using mariadb::Database;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Day kOld{kToday.since_epoch - 40};
constexpr uint32_t kPackets = 3 * kMoveRowsMax / 2;
const GoOn kToTheEnd = [] { return true; };

class MariadbArchive : public MariadbOrders {
 protected:
  // Packets of one share each, all of one day and all finished.
  static ShardHead fill(OrderStore& store) {
    const ShardHead head = acquire(store);
    CommitBatch batch{head.epoch, head.next_voucher, {}, {}, {}};
    for (uint32_t i = 0; i < kPackets; ++i) {
      add(batch, key(i, kOld));
    }
    EXPECT_EQ(store.commit(batch), CommitOutcome::kCommitted);
    return {head.epoch, batch.next()};
  }
  static void add(CommitBatch& batch, const PacketKey& packet) {
    const Order made = order(packet, 10, 1);
    batch.activated.push_back(made);
    batch.vouchers.push_back(paid(batch.next().value, made));
    batch.vouchers.push_back(opened(batch.next().value, packet, 1, "ann", 10));
    batch.finished.push_back({packet, PacketState::kExhausted});
  }
  static void expect_all(OrderStore& store, uint32_t packets = kPackets) {
    EXPECT_THAT(store.read_log({1}, 1'000'000).value(), SizeIs(2 * packets));
    EXPECT_EQ(store.totals({1}).value().packets, packets);
    EXPECT_THAT(store.violations(10).value(), IsEmpty());
    for (uint32_t i = 0; i < kPackets; ++i) {
      ASSERT_TRUE(store.load(key(i, kOld)).value().has_value()) << i;
    }
  }
  static DayPlace place(OrderStore& store) { return store.days().value().at(0).place; }
  std::string cold(const std::string& sql) {
    return Database::open(test_mariadb(), databases_.cold().name, Database::Mode::kRead).text(sql).value_or("");
  }
  std::string cold_table(const std::string& kind) {
    return cold(
        fmt::format("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND "
                    "table_name LIKE '{}\\_%'",
                    kind));
  }
};

TEST_F(MariadbArchive, ColdPagesAreCompressed) {
  const auto store = open();
  ASSERT_TRUE(store->archive(fill(*store).epoch, kOld, kToTheEnd).value());
  EXPECT_EQ(cold("SELECT DISTINCT row_format FROM information_schema.tables WHERE table_schema = DATABASE() AND "
                 "table_name LIKE 'voucher%'"),
            "Compressed");
}

TEST_F(MariadbArchive, ACopyThatDiffersIsThrownAwayAndTheDayStaysHot) {
  const auto store = open();
  const ShardHead head = fill(*store);
  bool changed = false;
  const auto moved = store->archive(head.epoch, kOld, [&] {
    if (!changed && cold("SELECT COUNT(*) FROM " + cold_table("voucher")) != "0") {
      mariadb_as_root(fmt::format("UPDATE {}.{} SET amount = amount + 1 ORDER BY no LIMIT 1", databases_.cold().name,
                                  cold_table("voucher")));
      changed = true;
    }
    return true;
  });
  ASSERT_TRUE(changed);
  EXPECT_EQ(moved.error().code, ErrorCode::kStorage);
  EXPECT_THAT(moved.error().detail, HasSubstr("differs"));
  EXPECT_EQ(cold_table("voucher"), "");
  EXPECT_EQ(place(*store), DayPlace::kHot);
  expect_all(*store);
  EXPECT_TRUE(store->archive(head.epoch, kOld, kToTheEnd).value());
  expect_all(*store);
}

TEST_F(MariadbArchive, NothingMovesToAServerThatMayLoseIt) {
  const auto store = open();
  const ShardHead head = fill(*store);
  mariadb_as_root("SET GLOBAL innodb_flush_log_at_trx_commit = 2");
  const auto moved = store->archive(head.epoch, kOld, kToTheEnd);
  mariadb_as_root("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
  EXPECT_EQ(moved.error().code, ErrorCode::kConfig);
  EXPECT_THAT(moved.error().detail, HasSubstr("innodb_flush_log_at_trx_commit = 2"));
  EXPECT_EQ(place(*store), DayPlace::kHot);
  EXPECT_TRUE(store->archive(head.epoch, kOld, kToTheEnd).value());
}

TEST_F(MariadbArchive, OnlyColdPacketsNeedTheColdServer) {
  {
    const auto store = open();
    ASSERT_TRUE(store->archive(fill(*store).epoch, kOld, kToTheEnd).value());
  }
  mariadb::Server away = test_mariadb();
  away.port = 1;
  const auto store =
      mariadb::OrderStore::open({test_mariadb(), databases_.hot()}, {away, databases_.cold()}, kShard).value();
  const ShardHead head = acquire(*store);
  CommitBatch batch{head.epoch, head.next_voucher, {}, {}, {}};
  add(batch, key(0));
  ASSERT_EQ(store->commit(batch), CommitOutcome::kCommitted);
  const auto hot = store->load_hot(key(0)).value();
  EXPECT_TRUE(hot.packet.has_value());
  EXPECT_FALSE(hot.may_be_cold);
  EXPECT_FALSE(store->load_hot(key(1)).value().may_be_cold) << "there is no such packet";
  const auto cold = store->load_hot(key(0, kOld)).value();
  EXPECT_FALSE(cold.packet.has_value());
  EXPECT_TRUE(cold.may_be_cold);
  EXPECT_EQ(store->load(key(0, kOld)).error().code, ErrorCode::kStorage);
  EXPECT_EQ(store->totals(batch.next()).value().packets, kPackets + 1) << "an audit that is not deep";
}

// One that slept while another took the shard and moved the day: it must not touch the other's copy.
TEST_F(MariadbArchive, AnOwnerThatSleptInTheMiddleSpoilsNothing) {
  const auto old_store = open();
  const auto new_store = open();
  const ShardHead old_head = fill(*old_store);
  int pieces = 0;
  const auto moved = old_store->archive(old_head.epoch, kOld, [&] {
    if (++pieces == 2) {  // here it sleeps
      const ShardHead head = acquire(*new_store, "another");
      EXPECT_TRUE(new_store->archive(head.epoch, kOld, kToTheEnd).value());
    }
    return true;
  });
  EXPECT_GE(pieces, 2);
  EXPECT_FALSE(moved.has_value());
  EXPECT_EQ(place(*new_store), DayPlace::kCold);
  expect_all(*new_store);
  expect_all(*old_store);
}

TEST_F(MariadbArchive, ANewOwnerGoesOnWithTheCopyOfTheLast) {
  const auto store = open();
  const ShardHead head = fill(*store);
  int pieces = 0;
  ASSERT_FALSE(store->archive(head.epoch, kOld, [&] { return ++pieces < 4; }).value());
  const std::string before = cold("SELECT COUNT(*) FROM " + cold_table("packet"));
  EXPECT_EQ(before, std::to_string(kPackets));
  const ShardHead next = acquire(*store, "another");
  ASSERT_FALSE(store->archive(next.epoch, kOld, [] { return false; }).value());
  EXPECT_EQ(cold("SELECT COUNT(*) FROM " + cold_table("packet")), before) << "taken over, not begun anew";
  EXPECT_THAT(cold_table("packet"), HasSubstr(fmt::format("_e{}", next.epoch)));
  EXPECT_TRUE(store->archive(next.epoch, kOld, kToTheEnd).value());
  expect_all(*store);
}

TEST_F(MariadbArchive, AServerThatIsKilledMeanwhileLosesNothing) {
  const auto store = open();
  ShardHead head = fill(*store);
  int killed = 0;
  for (int piece = 1; place(*store) != DayPlace::kCold; piece += 2) {
    ASSERT_LT(piece, 60);
    int pieces = 0;
    const auto moved = store->archive(head.epoch, kOld, [&] {
      if (++pieces == piece) {
        engine("kill", "mariadb");
        engine("start", "mariadb");
        ++killed;
      }
      return true;
    });
    EXPECT_EQ(moved.has_value(), pieces < piece);
    expect_all(*store);
    head = acquire(*store);
  }
  EXPECT_GT(killed, 2);
  expect_all(*store);
}

class MariadbArchiveCuts : public MariadbArchive, public testing::WithParamInterface<CuttingProxy::Cut> {};

INSTANTIATE_TEST_SUITE_P(Cuts, MariadbArchiveCuts,
                         testing::Values(CuttingProxy::Cut::kBeforeCommit, CuttingProxy::Cut::kAfterCommit,
                                         CuttingProxy::Cut::kLateCommit),
                         cut_name);

// The connection is cut at the COMMIT from which on the cold copy counts: whatever became of it, the day is on one
// side, and a packet that is paid late is not written where it would be dropped.
TEST_P(MariadbArchiveCuts, TheDayIsOnOneSideAndALatePacketIsNotLost) {
  CuttingProxy proxy(test_mariadb());
  const auto store =
      mariadb::OrderStore::open({proxy.server(), databases_.hot()}, {test_mariadb(), databases_.cold()}, kShard)
          .value();
  ShardHead head = fill(*store);
  const auto moved = store->archive(head.epoch, kOld, [&] {
    proxy.cut_next_commit(GetParam());
    return true;
  });
  EXPECT_EQ(moved.error().code, ErrorCode::kStorage);
  CommitBatch late{head.epoch, head.next_voucher, {}, {}, {}};
  add(late, key(kPackets, kOld));
  EXPECT_EQ(store->commit(late), CommitOutcome::kUnknown) << "it does not know where to write";
  head = acquire(*store);
  EXPECT_EQ(head.next_voucher, late.expected_next);
  EXPECT_EQ(place(*store), GetParam() == CuttingProxy::Cut::kBeforeCommit ? DayPlace::kHot : DayPlace::kMoved);
  late.epoch = head.epoch;
  ASSERT_EQ(store->commit(late), CommitOutcome::kCommitted);
  expect_all(*store, kPackets + 1);
  for (int tries = 0; !store->archive(head.epoch, kOld, kToTheEnd).value_or(false); ++tries) {
    ASSERT_LT(tries, 3);
  }
  EXPECT_EQ(place(*store), DayPlace::kCold);
  expect_all(*store, kPackets + 1);
}

// The same, and the next round begins before the first one's COMMIT has landed.
TEST_P(MariadbArchiveCuts, TheNextRoundFindsWhatBecameOfTheLast) {
  CuttingProxy proxy(test_mariadb());
  const auto store =
      mariadb::OrderStore::open({proxy.server(), databases_.hot()}, {test_mariadb(), databases_.cold()}, kShard)
          .value();
  const ShardHead head = fill(*store);
  ASSERT_FALSE(store
                   ->archive(head.epoch, kOld,
                             [&] {
                               proxy.cut_next_commit(GetParam());
                               return true;
                             })
                   .has_value());
  for (int tries = 0; !store->archive(head.epoch, kOld, kToTheEnd).value_or(false); ++tries) {
    ASSERT_LT(tries, 3);
  }
  EXPECT_EQ(place(*store), DayPlace::kCold);
  expect_all(*store);
}

}  // namespace
}  // namespace hongbao
