// Days that move to cold storage (ports/order_store.h, `days` and `archive`): read as before at every moment, and no
// row lost or doubled, wherever the move ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "contract/backends.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Day kOld{kToday.since_epoch - 40};
constexpr Day kOlder{kToday.since_epoch - 41};
const GoOn kToTheEnd = [] { return true; };

class Archive : public testing::TestWithParam<BackendMaker<OrderStore>> {
 protected:
  Archive() { acquire(); }

  OrderStore& store() { return backend_->store(); }
  void acquire() { head_ = store().acquire("owner", kNoLease).value(); }
  void restart() {
    backend_->reopen();
    acquire();
  }
  [[nodiscard]] CommitBatch batch() const { return {head_.epoch, head_.next_voucher, {}, {}, {}}; }
  void commit(const CommitBatch& batch) {
    ASSERT_EQ(store().commit(batch), CommitOutcome::kCommitted);
    head_.next_voucher = batch.next();
  }
  // A packet of two shares, of which one went back to the sender.
  static void add_finished(CommitBatch& batch, const PacketKey& packet) {
    const Order made = order(packet, 100, 2);
    batch.activated.push_back(made);
    batch.vouchers.push_back(paid(batch.next().value, made));
    batch.vouchers.push_back(opened(batch.next().value, packet, 1, "ann", 60));
    batch.vouchers.push_back(refunded(batch.next().value, packet, "sender", 40));
    batch.finished.push_back({packet, PacketState::kExpired});
  }
  void finish_packets(Day day, uint32_t count, uint32_t first = 0) {
    CommitBatch all = batch();
    for (uint32_t i = 0; i < count; ++i) {
      add_finished(all, key(first + i, day));
    }
    commit(all);
  }
  Order activate(const PacketKey& packet) {
    CommitBatch one = batch();
    one.activated.push_back(order(packet, 100, 2));
    one.vouchers.push_back(paid(one.next().value, one.activated.back()));
    commit(one);
    return one.activated.back();
  }
  Result<bool> archive(Day day, const GoOn& go_on = kToTheEnd) { return store().archive(head_.epoch, day, go_on); }

  // Everything that was committed, by every way to read it.
  struct Reading {
    std::vector<Voucher> log;
    std::vector<std::optional<StoredPacket>> packets;
    OrderTotals totals;
  };
  Reading read() {
    Reading reading{.log = store().read_log({1}, 1'000'000).value(),
                    .packets = {},
                    .totals = store().totals({head_.next_voucher.value / 2 + 1}).value()};
    for (const Voucher& voucher : reading.log) {
      if (voucher.kind == VoucherKind::kPaid) {
        reading.packets.push_back(store().load(voucher.packet).value());
      }
    }
    return reading;
  }
  static void expect_same(const Reading& now, const Reading& before) {
    EXPECT_EQ(now.log, before.log);
    ASSERT_EQ(now.packets.size(), before.packets.size());
    for (size_t i = 0; i < now.packets.size(); ++i) {
      ASSERT_TRUE(now.packets[i].has_value()) << i;
      EXPECT_EQ(now.packets[i]->order, before.packets[i]->order);
      EXPECT_EQ(now.packets[i]->state, before.packets[i]->state);
      EXPECT_EQ(now.packets[i]->opened, before.packets[i]->opened);
      EXPECT_EQ(now.packets[i]->refunded, before.packets[i]->refunded);
    }
    EXPECT_EQ(now.totals.packets, before.totals.packets);
    EXPECT_EQ(now.totals.packets_active, before.totals.packets_active);
    EXPECT_EQ(now.totals.packets_total, before.totals.packets_total);
    EXPECT_EQ(now.totals.all, before.totals.all);
    EXPECT_EQ(now.totals.unsettled, before.totals.unsettled);
  }
  std::vector<std::pair<DayPart, DayPlace>> places() {
    std::vector<std::pair<DayPart, DayPlace>> places;
    const auto days = store().days().value();
    for (const StoredDay& stored : days) {
      places.emplace_back(stored.part, stored.place);
    }
    return places;
  }
  static std::pair<DayPart, DayPlace> hot(Day day, uint32_t part = 1) { return {{day, part}, DayPlace::kHot}; }
  static std::pair<DayPart, DayPlace> cold(Day day, uint32_t part = 1) { return {{day, part}, DayPlace::kCold}; }

  std::unique_ptr<OrderBackend> backend_ = GetParam().make();
  ShardHead head_;
};

INSTANTIATE_TEST_SUITE_P(Adapters, Archive, testing::ValuesIn(order_backends()), backend_name<OrderStore>);

TEST_P(Archive, ADayThatMovedIsReadAsBefore) {
  CommitBatch mixed = batch();  // days that share the log
  for (uint32_t i = 0; i < 5; ++i) {
    add_finished(mixed, key(i, kOlder));
    add_finished(mixed, key(i, kOld));
  }
  commit(mixed);
  activate(key(0));
  const Reading before = read();
  ASSERT_TRUE(archive(kOld).value());
  EXPECT_THAT(places(), ElementsAre(hot(kOlder), cold(kOld), hot(kToday)));
  expect_same(read(), before);
  ASSERT_TRUE(archive(kOlder).value());
  EXPECT_THAT(places(), ElementsAre(cold(kOlder), cold(kOld), hot(kToday)));
  expect_same(read(), before);
  restart();
  expect_same(read(), before);
  EXPECT_THAT(store().violations(10).value(), IsEmpty());
  EXPECT_THAT(store().due({INT64_MAX}, 10).value(), ElementsAre(key(0)));
  EXPECT_EQ(store().load(key(99, kOld)).value(), std::nullopt);
}

TEST_P(Archive, AColdDayTellsWhatItHolds) {
  finish_packets(kOld, 3);
  ASSERT_TRUE(archive(kOld).value());
  const StoredDay day = store().days().value().at(0);
  EXPECT_EQ(day.totals.packets, 3U);
  EXPECT_EQ(day.totals.packets_total, Money(300));
  EXPECT_EQ(day.totals.vouchers, 9U);
  EXPECT_EQ(day.totals.sums, (VoucherSums{Money(300), Money(180), Money(120)}));
  EXPECT_EQ(day.totals.least, VoucherNo{1});
  EXPECT_EQ(day.totals.greatest, VoucherNo{9});
  EXPECT_NE(day.totals.checksum, Hash256{});
}

TEST_P(Archive, AHotDayTellsHowFarItsLogGoes) {
  finish_packets(kOlder, 1);
  finish_packets(kOld, 2);
  const StoredDay day = store().days().value().at(1);
  EXPECT_EQ(day.place, DayPlace::kHot);
  EXPECT_EQ(day.totals.least, VoucherNo{4});
  EXPECT_EQ(day.totals.greatest, VoucherNo{9});
}

TEST_P(Archive, ThereIsNothingToMoveTwiceOrOfADayWithoutPackets) {
  finish_packets(kOld, 1);
  EXPECT_TRUE(archive(kOld).value());
  EXPECT_TRUE(archive(kOld).value());
  EXPECT_TRUE(archive(kOlder).value());
  EXPECT_THAT(places(), ElementsAre(cold(kOld)));
}

TEST_P(Archive, AnActivePacketKeepsItsDayHot) {
  finish_packets(kOld, 1);
  activate(key(7, kOld));
  const Reading before = read();
  EXPECT_EQ(archive(kOld).error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(places(), ElementsAre(hot(kOld)));
  expect_same(read(), before);
}

TEST_P(Archive, AnOwnerThatIsNoneMovesNothing) {
  finish_packets(kOld, 1);
  const Reading before = read();
  ASSERT_TRUE(store().acquire("another", kNoLease).has_value());
  EXPECT_EQ(archive(kOld).error().code, ErrorCode::kFenced);
  EXPECT_THAT(places(), ElementsAre(hot(kOld)));
  expect_same(read(), before);
}

TEST_P(Archive, APacketThatIsPaidLateBeginsAnotherPart) {
  finish_packets(kOld, 2);
  ASSERT_TRUE(archive(kOld).value());
  finish_packets(kOld, 1, 50);
  EXPECT_THAT(places(), ElementsAre(cold(kOld), hot(kOld, 2)));
  const Reading before = read();
  EXPECT_THAT(before.packets, SizeIs(3));
  ASSERT_TRUE(archive(kOld).value());
  EXPECT_THAT(places(), ElementsAre(cold(kOld), cold(kOld, 2)));
  finish_packets(kOld, 1, 51);
  EXPECT_THAT(places(), ElementsAre(cold(kOld), cold(kOld, 2), hot(kOld, 3)));
  EXPECT_THAT(read().packets, SizeIs(4));
  restart();
  EXPECT_THAT(read().packets, SizeIs(4));
}

class DurableArchive : public Archive {
 protected:
  static constexpr uint32_t kPackets = 3 * kMoveRowsMax / 2;  // with their vouchers, more than a few pieces
};

INSTANTIATE_TEST_SUITE_P(Adapters, DurableArchive, testing::ValuesIn(durable_order_backends()),
                         backend_name<OrderStore>);

TEST_P(DurableArchive, AMoveThatStopsAnywhereGoesOnAfterARestart) {
  finish_packets(kOld, kPackets);
  const Reading before = read();
  int runs = 0;
  for (bool moved = false; !moved; ++runs) {
    ASSERT_LT(runs, 100);
    int pieces = 0;
    moved = archive(kOld, [&] { return ++pieces <= runs; }).value();
    restart();
    EXPECT_THAT(places(), ElementsAre(moved ? cold(kOld) : hot(kOld)));
    EXPECT_EQ(store().read_log({1}, 1'000'000).value(), before.log);
  }
  EXPECT_GT(runs, 5);
  expect_same(read(), before);
}

// At each piece of the move in turn: while packets are copied, while vouchers are, while either side is read.
TEST_P(DurableArchive, APacketThatComesWhileItsDayMovesIsNotLost) {
  constexpr uint32_t kFirst = 1'000;
  finish_packets(kOld, kPackets, kFirst);
  uint32_t came = 0;
  for (uint32_t piece = 1; places() == std::vector{hot(kOld)}; ++piece) {
    uint32_t pieces = 0;
    const auto moved = archive(kOld, [&] {
      if (++pieces == piece) {
        finish_packets(kOld, 1, came++);  // its number lies before those that were copied
      }
      return true;
    });
    EXPECT_FALSE(moved.has_value() && pieces >= piece) << piece;
    EXPECT_THAT(store().violations(10).value(), IsEmpty());
    ASSERT_LT(piece, 100U);
  }
  EXPECT_GT(came, 10U);
  const Reading reading = read();
  EXPECT_THAT(reading.packets, SizeIs(kPackets + came));
  EXPECT_THAT(reading.packets, testing::Each(testing::Ne(std::nullopt)));
}

TEST_P(DurableArchive, OpensOfTheDayGoOnWhileAnotherOneMoves) {
  finish_packets(kOld, kPackets);
  const Order today = activate(key(0));
  uint32_t seq = 0;
  ASSERT_TRUE(archive(kOld, [&] {
                CommitBatch one = batch();
                if (++seq <= today.count) {
                  one.vouchers.push_back(opened(one.next().value, today.key, seq, "u" + std::to_string(seq), 1));
                  commit(one);
                }
                return true;
              }).value());
  EXPECT_THAT(store().load(today.key).value()->opened, SizeIs(today.count));
  EXPECT_THAT(read().packets, SizeIs(kPackets + 1));
}

TEST_P(DurableArchive, ReadersFindEveryRowAtEveryMoment) {
  finish_packets(kOld, kPackets);
  const VoucherNo last{head_.next_voucher.value - 1};
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&, i] {
      for (uint32_t n = 0; !stop; ++n) {
        const auto packet = store().load(key((n + i) % kPackets, kOld));
        ASSERT_TRUE(packet.has_value() && packet->has_value());
        ASSERT_EQ((*packet)->opened.size(), 1U);
        ASSERT_EQ(store().read_log({last.value - n % 100}, 200).value().size(), n % 100 + 1);
        ASSERT_EQ(store().totals({1}).value().all.paid, Money(100) * kPackets);
      }
    });
  }
  EXPECT_TRUE(archive(kOld).value());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  stop = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
}

// The process that moves a day dies in the middle, again and again, until one gets to the end.
TEST_P(DurableArchive, AProcessThatIsKilledLosesNothing) {
  finish_packets(kOld, kPackets);
  const Reading before = read();
  int killed = 0;
  for (int pause_us = 1'000; places() != std::vector{cold(kOld)}; pause_us += pause_us / 3) {
    ASSERT_LT(pause_us, 20'000'000);
    backend_->close();
    const pid_t child = fork();
    if (child == 0) {
      backend_->reopen();
      acquire();
      const auto moved = archive(kOld, [] {
        usleep(2'000);
        return true;
      });
      _exit(moved.value_or(false) ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    usleep(static_cast<useconds_t>(pause_us));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    killed += WIFSIGNALED(status) ? 1 : 0;
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == EXIT_SUCCESS);
    restart();
    EXPECT_EQ(store().read_log({1}, 1'000'000).value(), before.log);
    EXPECT_EQ(store().totals({1}).value().all, before.totals.all);
  }
  EXPECT_GT(killed, 5);
  expect_same(read(), before);
  EXPECT_THAT(store().violations(10).value(), IsEmpty());
}

}  // namespace
}  // namespace hongbao
