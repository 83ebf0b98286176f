// Random histories of a shard: every durable order store and the one in memory must agree on every outcome and every
// reading. RapidCheck prints the seed of a failure; RC_PARAMS="seed=…" plays it again.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "contract/backends.h"
#include "contract/values.h"

namespace hongbao {
namespace {

// Writes packets and shares as a shard would, with stale epochs, restarts and days that move in between.
class History {
 public:
  explicit History(std::unique_ptr<OrderBackend> durable) : durable_(std::move(durable)) {}

  void step() {
    switch (*rc::gen::inRange(0, 9)) {
      case 0:
        return acquire();
      case 1:
        return stale_commit();
      case 2:
        durable_->reopen();
        return;
      case 3:
        return archive();
      default:
        return commit();
    }
  }

  void compare() {
    RC_ASSERT(durable().head().value() == memory().head().value());
    const VoucherNo from{*rc::gen::inRange<uint64_t>(1, head_.next_voucher.value + 3)};
    const auto limit = *rc::gen::inRange<size_t>(0, 20);
    RC_ASSERT(durable().read_log(from, limit).value() == memory().read_log(from, limit).value());
    const Timestamp now = kNoon + std::chrono::hours(*rc::gen::inRange(0, 10));
    RC_ASSERT(durable().due(now, limit).value() == memory().due(now, limit).value());
    compare_totals(from);
    compare_days();
    for (const auto& packet : packets_) {
      compare_packet(packet.order.key);
    }
  }

 private:
  struct Packet {
    Order order;
    uint32_t opened = 0;
    int64_t left = 0;
    bool finished = false;
  };

  OrderStore& durable() { return durable_->store(); }
  OrderStore& memory() { return memory_->store(); }

  void acquire() {
    const ShardHead head = durable().acquire("agreement", kNoLease).value();
    RC_ASSERT(head == memory().acquire("agreement", kNoLease).value());
    head_ = head;
  }

  void archive() {
    const Day day{kToday.since_epoch + *rc::gen::inRange(0, 3)};
    const GoOn to_the_end = [] { return true; };
    const auto mine = durable().archive(head_.epoch, day, to_the_end);
    const auto theirs = memory().archive(head_.epoch, day, to_the_end);
    RC_ASSERT(mine.has_value() == theirs.has_value());
    RC_ASSERT((mine ? *mine == *theirs : mine.error().code == theirs.error().code));
  }

  void stale_commit() {
    const Order late = order(key(999), 1, 1);
    const CommitBatch batch{head_.epoch - 1, head_.next_voucher, {late}, {paid(head_.next_voucher.value, late)}, {}};
    RC_ASSERT(durable().commit(batch) == CommitOutcome::kFenced);
    RC_ASSERT(memory().commit(batch) == CommitOutcome::kFenced);
  }

  void commit() {
    CommitBatch batch{head_.epoch, head_.next_voucher, {}, {}, {}};
    for (int i = *rc::gen::inRange(1, 12); i > 0; --i) {
      if (packets_.empty() || *rc::gen::inRange(0, 3) == 0) {
        activate(batch);
      } else {
        touch(batch, packets_[*rc::gen::inRange<size_t>(0, packets_.size())]);
      }
    }
    if (batch.vouchers.empty()) {
      return;
    }
    RC_ASSERT(durable().commit(batch) == CommitOutcome::kCommitted);
    RC_ASSERT(memory().commit(batch) == CommitOutcome::kCommitted);
    head_.next_voucher = batch.next();
  }

  void activate(CommitBatch& batch) {
    const Day day{kToday.since_epoch + *rc::gen::inRange(0, 3)};
    Order made = order(key(static_cast<uint32_t>(packets_.size()), day), 10, 3);
    made.expires_at = kNoon + std::chrono::hours(*rc::gen::inRange(0, 10));
    batch.activated.push_back(made);
    batch.vouchers.push_back(paid(batch.next().value, made));
    packets_.push_back({made, 0, 10, false});
  }

  static void touch(CommitBatch& batch, Packet& packet) {
    if (packet.finished) {
      return;
    }
    const PacketKey& key = packet.order.key;
    if (*rc::gen::inRange(0, 5) == 0) {
      batch.vouchers.push_back(refunded(batch.next().value, key, "sender", packet.left));
      batch.finished.push_back({key, PacketState::kExpired});
      packet.finished = true;
      return;
    }
    const uint32_t seq = ++packet.opened;
    packet.finished = seq == packet.order.count;
    const int64_t amount = packet.finished ? packet.left : 3;
    packet.left -= amount;
    batch.vouchers.push_back(opened(batch.next().value, key, seq, "taker" + std::to_string(9 - seq), amount));
    if (packet.finished) {
      batch.finished.push_back({key, PacketState::kExhausted});
    }
  }

  void compare_totals(VoucherNo since) {
    const auto mine = durable().totals(since).value();
    const auto theirs = memory().totals(since).value();
    const auto values = [](const OrderTotals& totals) {
      return std::tuple(totals.next_voucher, totals.packets, totals.packets_active, totals.packets_total,
                        totals.all.paid, totals.all.opened, totals.all.refunded, totals.unsettled.paid,
                        totals.unsettled.opened, totals.unsettled.refunded);
    };
    RC_ASSERT((values(mine) == values(theirs)));
    RC_ASSERT(durable().violations(10).value().empty());
    RC_ASSERT(memory().violations(10).value().empty());
  }

  void compare_days() {
    const auto mine = durable().days().value();
    const auto theirs = memory().days().value();
    RC_ASSERT(mine.size() == theirs.size());
    for (size_t i = 0; i < mine.size(); ++i) {
      RC_ASSERT((mine[i].part == theirs[i].part));
      RC_ASSERT((mine[i].place == theirs[i].place));
      RC_ASSERT((mine[i].totals == theirs[i].totals));
    }
  }

  void compare_packet(const PacketKey& packet) {
    const auto mine = durable().load(packet).value();
    const auto theirs = memory().load(packet).value();
    RC_ASSERT(mine.has_value() && theirs.has_value());
    RC_ASSERT(mine->order == theirs->order);
    RC_ASSERT((mine->state == theirs->state));
    RC_ASSERT(mine->opened == theirs->opened);
    RC_ASSERT(mine->refunded == theirs->refunded);
  }

  std::unique_ptr<OrderBackend> durable_;
  std::unique_ptr<OrderBackend> memory_ = make_memory_orders();
  ShardHead head_ = acquired();
  std::vector<Packet> packets_;

  ShardHead acquired() {
    const ShardHead head = durable().acquire("agreement", kNoLease).value();
    RC_ASSERT(head == memory().acquire("agreement", kNoLease).value());
    return head;
  }
};

class OrderStoreAgreement : public testing::TestWithParam<BackendMaker<OrderStore>> {};

INSTANTIATE_TEST_SUITE_P(Adapters, OrderStoreAgreement, testing::ValuesIn(durable_order_backends()),
                         backend_name<OrderStore>);

TEST_P(OrderStoreAgreement, AgreesWithMemoryOnRandomHistories) {
  EXPECT_TRUE(rc::check([] {
    History history(GetParam().make());
    for (int steps = *rc::gen::inRange(1, 25); steps > 0; --steps) {
      history.step();
      history.compare();
    }
  }));
}

}  // namespace
}  // namespace hongbao
