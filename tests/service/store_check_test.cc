// Stores of different moments: service/store_check.h, and what settlement and the audit make of them.
#include "service/store_check.h"

#include "service/service_fixture.h"

namespace hongbao {
namespace {

class FollowsOne final : public Ownership {
 public:
  explicit FollowsOne(ShardId shard) : shard_(shard) {}
  [[nodiscard]] std::optional<Term> followed_term(ShardId shard) const override {
    return shard == shard_ ? std::optional(Term()) : std::nullopt;
  }
  [[nodiscard]] std::vector<ShardId> taking_orders() const override { return {shard_}; }
  [[nodiscard]] bool can_serve() const override { return true; }

 private:
  const ShardId shard_;
};

class StoreCheckTest : public ServiceTest {
 protected:
  // Orders with some packets, all settled; the inbox follows nothing yet.
  void make_history() {
    at.opened(at.active(lucky(1'000, 5)), "bob");
    at.opened(at.active(lucky(600, 3)), "carol");
    at.settle();
    ASSERT_TRUE(check_stores(at.orders, {{LedgerId{}, &at.ledger}}, inbox));
  }
  std::string refusal(LedgerStore& ledger, InboxStore& other) {
    const auto checked = check_stores(at.orders, {{LedgerId{}, &ledger}}, other);
    EXPECT_EQ(error_of(checked), ErrorCode::kConfig);
    return checked ? "" : checked.error().detail;
  }
  [[nodiscard]] ShardId busy_shard() { return at.log(at.shard_ids[0]).empty() ? at.shard_ids[1] : at.shard_ids[0]; }

  MemoryInboxStore inbox;
  MemoryLedgerStore empty_ledger;
};

TEST_F(StoreCheckTest, AnEmptyDeploymentAndOneWithAHistoryFit) {
  EXPECT_TRUE(check_stores(at.orders, {{LedgerId{}, &at.ledger}}, inbox));
  make_history();
  at.active(lucky(100, 2));  // not settled
  at.deposit("alice", 300);
  at.debit_without_activation(at.sent("alice", lucky(300, 3)));
  EXPECT_TRUE(check_stores(at.orders, {{LedgerId{}, &at.ledger}}, inbox));
}

TEST_F(StoreCheckTest, OrdersBehindTheLedgerAreRefused) {
  make_history();
  const ShardId shard = busy_shard();
  MemoryOrderStore older(shard);
  at.orders[shard] = &older;
  EXPECT_THAT(refusal(at.ledger, inbox),
              testing::AllOf(testing::HasSubstr("the orders of shard " + to_text(shard) + " are behind the ledger"),
                             testing::HasSubstr("hongbaoctl restore"), testing::Not(testing::HasSubstr("\n"))));
}

TEST_F(StoreCheckTest, OrdersBehindTheInboxAreRefused) {
  make_history();
  const ShardId shard = busy_shard();
  ASSERT_TRUE(inbox.apply({shard, VoucherNo{1}, at.log(shard)}).value());
  EXPECT_TRUE(check_stores(at.orders, {{LedgerId{}, &at.ledger}}, inbox));
  MemoryOrderStore older(shard);
  at.orders[shard] = &older;
  EXPECT_THAT(refusal(empty_ledger, inbox), testing::HasSubstr("are behind the inbox"));
}

TEST_F(StoreCheckTest, ALedgerWithoutThePaymentOfAPaidPacketIsRefused) {
  make_history();
  EXPECT_THAT(refusal(empty_ledger, inbox), testing::HasSubstr("the ledger is behind the orders of shard"));
}

TEST_F(StoreCheckTest, AnAuditOverALostLedgerDiffersByWhatWasPaid) {
  make_history();
  const AuditReport report = Audit({{LedgerId{}, &empty_ledger}}, Ledgers(), at.orders, at.clock).run(false).value();
  EXPECT_FALSE(report.balanced());
  EXPECT_EQ(report.difference(), Money(1'600));
}

// The first packet's payment is there, the second's is not: takers of the second are not credited from the first's
// escrow.
TEST_F(StoreCheckTest, SettlementStopsBeforeAPacketWithoutItsPayment) {
  at.deposit("alice", 1'000);
  const PreOrder first = at.sent("alice", lucky(1'000, 5));
  ASSERT_TRUE(at.pay("alice", first));
  const ShardId shard = first.order.key.shard;
  LedgerBatch batch{.postings = {}, .settlements = {}, .retries = {}, .now = at.clock.now()};
  batch.postings.push_back({.transfer = {.id = "other",
                                         .debit = AccountId::channel("demo"),
                                         .credit = AccountId::escrow(shard),
                                         .amount = Money(1'000),
                                         .kind = TransferKind::kPaid,
                                         .packet = first.order.key,
                                         .at = at.clock.now()},
                            .pay_token = "token"});
  ASSERT_TRUE(empty_ledger.commit(batch));
  PacketKey second;
  do {
    second = at.active(lucky(600, 3));
  } while (second.shard != shard);
  const int64_t share = at.opened(first.order.key, "bob").share->amount.fen();
  at.opened(second, "carol");

  Ledger ledger(empty_ledger, at.clock, {}, at.registry);
  const FollowsOne ownership(shard);
  Settler settler(at.orders, at.stream, ledger, at.control, ownership, 64, at.registry);
  const auto settle = [&] {
    const auto answer = std::make_shared<std::optional<Result<size_t>>>();
    settler.step(/*from_log=*/true, [answer](Result<size_t> settled) { *answer = std::move(settled); });
    while (!answer->has_value()) {
      ledger.writer.step(std::chrono::milliseconds(0));
    }
    return (**answer).value();
  };
  while (settle() > 0) {
  }
  const VoucherNo stopped = empty_ledger.cursor(shard).value();
  const Voucher next = at.orders.at(shard)->read_log(stopped, 1).value().at(0);
  EXPECT_EQ(next.kind, VoucherKind::kPaid);
  EXPECT_EQ(empty_ledger.account(AccountId::user(user("carol")))->balance(), Money(0));
  EXPECT_LE(empty_ledger.account(AccountId::user(user("bob")))->balance(), Money(share));
  EXPECT_FALSE(Audit({{LedgerId{}, &empty_ledger}}, Ledgers(), at.orders, at.clock).run(false)->balanced());
  EXPECT_THAT(refusal(empty_ledger, inbox), testing::HasSubstr("the ledger is behind"));
}

}  // namespace
}  // namespace hongbao
