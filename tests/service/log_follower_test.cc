// service/log_follower.h: whatever the stream does, what comes out is the log.
#include "service/log_follower.h"

#include <random>

#include "service/service_fixture.h"

namespace hongbao {
namespace {

constexpr ShardId kShard{Region::kSouth, 1};
constexpr size_t kVouchersMax = 8;

// Says what a test lets it say.
class ScriptedStream final : public VoucherStream {
 public:
  using Script = std::function<Result<std::vector<Voucher>>(VoucherNo from, size_t vouchers_max)>;
  explicit ScriptedStream(Script script) : script_(std::move(script)) {}

  void publish(ShardId, Term, std::span<const Voucher>) override {}
  Result<std::vector<Voucher>> fetch(Follower, const Want& want) override {
    return script_(want.from, want.vouchers_max);
  }
  void acknowledge(Follower, ShardId, VoucherNo) override {}
  void leave(Follower, ShardId) override {}
  void wait(uint64_t&, std::chrono::milliseconds) override {}

 private:
  Script script_;
};

std::vector<uint64_t> numbers(const std::vector<Voucher>& vouchers) {
  std::vector<uint64_t> out;
  for (const Voucher& voucher : vouchers) {
    out.push_back(voucher.no.value);
  }
  return out;
}

class LogFollowerTest : public testing::Test {
 protected:
  // A log of `count` vouchers.
  void write_log(uint32_t count) {
    Order order{.key = {kShard, Day{20'779}, LocalNo::of(1, 0)},
                .sender = user("alice"),
                .total = Money(count),
                .count = count};
    CommitBatch batch;
    batch.epoch = store_.acquire("test", kLeaseForever)->epoch;
    batch.activated.push_back(order);
    batch.vouchers.push_back({VoucherNo{1}, order.key, VoucherKind::kPaid, 0, order.sender, order.total, {}});
    for (uint32_t seq = 1; seq < count; ++seq) {
      batch.vouchers.push_back({VoucherNo{seq + 1ULL},
                                order.key,
                                VoucherKind::kOpened,
                                seq,
                                user("taker" + std::to_string(seq)),
                                Money(1),
                                {}});
    }
    ASSERT_EQ(store_.commit(batch), CommitOutcome::kCommitted);
  }

  std::vector<Voucher> log(uint64_t from, size_t max) { return store_.read_log(VoucherNo{from}, max).value(); }

  // One `next` of a follower at `cursor` over a stream that always says `said`.
  std::vector<uint64_t> next(uint64_t cursor, std::vector<Voucher> said, bool from_log) {
    ScriptedStream stream([&](auto, auto) { return said; });
    LogFollower follower(Follower::kInbox, kShard, stream, store_, kVouchersMax);
    follower.seek(VoucherNo{cursor});
    return numbers(follower.next(from_log).value());
  }

  MemoryOrderStore store_{kShard};
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(LogFollowerTest, WhatContinuesAtTheCursorIsTaken) {
  write_log(20);
  EXPECT_THAT(next(1, log(1, 3), false), ElementsAre(1, 2, 3));
  EXPECT_THAT(next(5, log(5, 2), false), ElementsAre(5, 6));
}

TEST_F(LogFollowerTest, RepeatsAreSkipped) {
  write_log(20);
  EXPECT_THAT(next(3, log(1, 4), false), ElementsAre(3, 4));
  EXPECT_THAT(next(5, log(1, 4), false), IsEmpty());
}

TEST_F(LogFollowerTest, AGapIsReadBackFromTheLog) {
  write_log(20);
  EXPECT_THAT(next(3, log(6, 2), false), ElementsAre(3, 4, 5, 6, 7, 8, 9, 10)) << "at most vouchers_max";
  auto holed = log(3, 5);
  holed.erase(holed.begin() + 2);
  EXPECT_THAT(next(3, holed, false), ElementsAre(3, 4)) << "up to the hole for now";
}

TEST_F(LogFollowerTest, ASilentStreamIsBelievedUntilTheLogIsAsked) {
  write_log(2);
  EXPECT_THAT(next(1, {}, false), IsEmpty());
  EXPECT_THAT(next(1, {}, true), ElementsAre(1, 2));
  EXPECT_THAT(next(3, {}, true), IsEmpty());
}

TEST_F(LogFollowerTest, VouchersOutOfOrderNeverComeOutSo) {
  write_log(20);
  auto shuffled = log(3, 5);
  std::swap(shuffled[0], shuffled[4]);
  EXPECT_THAT(next(3, shuffled, true), ElementsAre(3, 4, 5, 6, 7, 8, 9, 10));
}

TEST_F(LogFollowerTest, AStreamThatIsDownDoesNotHideTheLog) {
  write_log(2);
  ScriptedStream stream([](auto, auto) { return fail(ErrorCode::kUnavailable, "the stream is down"); });
  LogFollower follower(Follower::kInbox, kShard, stream, store_, kVouchersMax);
  follower.seek(VoucherNo{1});
  EXPECT_FALSE(follower.next(false));
  EXPECT_THAT(numbers(follower.next(true).value()), ElementsAre(1, 2));
}

// Drops, repeats, delays and reorders at random.
class UnreliableStream {
 public:
  UnreliableStream(VoucherLog& log, uint64_t seed) : log_(log), random_(seed) {}

  std::vector<Voucher> operator()(VoucherNo from, size_t vouchers_max) {
    switch (random_() % 6) {
      case 0:  // lost, or late
        return {};
      case 1:  // lost in the middle
        return without_one(log_.read_log(from, vouchers_max).value());
      case 2:  // repeated
        return log_.read_log(VoucherNo{1 + random_() % from.value}, vouchers_max).value();
      case 3:  // begins later
        return log_.read_log(from + random_() % 5, vouchers_max).value();
      case 4: {
        auto vouchers = log_.read_log(from, vouchers_max).value();
        std::shuffle(vouchers.begin(), vouchers.end(), random_);
        return vouchers;
      }
      default:
        return log_.read_log(from, 1 + random_() % vouchers_max).value();
    }
  }

 private:
  std::vector<Voucher> without_one(std::vector<Voucher> vouchers) {
    if (!vouchers.empty()) {
      vouchers.erase(vouchers.begin() + static_cast<std::ptrdiff_t>(random_() % vouchers.size()));
    }
    return vouchers;
  }

  VoucherLog& log_;
  std::mt19937_64 random_;
};

TEST_F(LogFollowerTest, AnUnreliableStreamYieldsExactlyTheLog) {
  constexpr uint32_t kVouchers = 300;
  write_log(kVouchers);
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ScriptedStream stream(UnreliableStream(store_, seed));
    LogFollower follower(Follower::kInbox, kShard, stream, store_, kVouchersMax);
    follower.seek(VoucherNo{1});
    std::vector<Voucher> seen;
    for (int round = 0; seen.size() < kVouchers && round < 10'000; ++round) {
      const auto vouchers = follower.next(/*from_log=*/round % 4 == 0).value();
      seen.insert(seen.end(), vouchers.begin(), vouchers.end());
      follower.advance(vouchers.size());
    }
    EXPECT_EQ(seen, log(1, kVouchers));
  }
}

}  // namespace
}  // namespace hongbao
