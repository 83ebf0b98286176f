// Several ledgers: a packet's escrow in one, wallets in another. service/ledger_set.h, give_back.h, audit.h.
#include <fmt/format.h>

#include "service/service_fixture.h"

namespace hongbao {
namespace {

class LedgersTest : public testing::Test {
 protected:
  // A name whose wallet is in that ledger.
  [[nodiscard]] std::string somebody_in(LedgerId ledger, int skip = 0) const {
    for (int i = 0;; ++i) {
      std::string name = fmt::format("user{}", i);
      if (at.all_ledgers.of(user(name), Region::kSouth) == ledger && skip-- == 0) {
        return name;
      }
    }
  }
  static LedgerId other(LedgerId ledger) { return {Region::kSouth, static_cast<uint8_t>(1 - ledger.number)}; }
  PreOrder sent_by(const std::string& sender) { return at.sent(sender, lucky(300, 2)); }
  LedgerId escrow_of(const PreOrder& packet) const { return at.all_ledgers.of(packet.order.key.shard); }
  // An order whose escrow is not in the ledger of its sender's wallet.
  PreOrder sent_across() {
    while (true) {
      const PreOrder packet = sent_by(somebody_in({Region::kSouth, 0}));
      if (escrow_of(packet).number == 1) {
        return packet;
      }
    }
  }
  // And the wallet holds what it costs.
  PreOrder funded_across() {
    const PreOrder packet = sent_across();
    at.deposit(packet.order.sender.text(), 300);
    return packet;
  }
  [[nodiscard]] Money due() const {
    const auto report = at.audit.run(false).value();
    EXPECT_TRUE(report.balanced()) << report.difference().fen();
    return report.dues.at(0).due;
  }
  Settler& settler_of(LedgerId ledger) { return *at.use_cases.settlers.at(ledger.number); }
  void settle(LedgerId ledger) {
    while (at.settle_once(settler_of(ledger)).value() > 0) {
    }
  }

  Deployment at{64, 2};
};

TEST_F(LedgersTest, MoneyCrossesByWhatIsDue) {
  const PreOrder packet = sent_across();
  const std::string sender = packet.order.sender.text();
  const LedgerId escrow = escrow_of(packet);
  at.deposit(sender, 300);
  ASSERT_EQ(at.pay(sender, packet)->outcome, PaymentOutcome::kPaid);
  EXPECT_EQ(at.wallet(sender), 0);
  EXPECT_EQ(due(), Money(300)) << "it has left the one and not come to the other";
  settle(escrow);
  EXPECT_EQ(due(), Money(0));
  settle(other(escrow));
  EXPECT_EQ(due(), Money(0));

  const std::string here = somebody_in(escrow);
  const std::string there = somebody_in(other(escrow), 1);
  const int64_t near_share = at.opened(packet.order.key, here).share->amount.fen();
  const int64_t far_share = at.opened(packet.order.key, there).share->amount.fen();
  settle(other(escrow));
  EXPECT_EQ(due(), Money(0).minus_clamped(Money(far_share))) << "credited before it left the escrow";
  EXPECT_EQ(at.wallet(there), far_share);
  EXPECT_EQ(at.wallet(here), 0);
  settle(escrow);
  EXPECT_EQ(due(), Money(0));
  EXPECT_EQ(at.wallet(here), near_share);
  at.expect_balanced();
}

TEST_F(LedgersTest, WhatNobodyOpensGoesHome) {
  const PreOrder packet = funded_across();
  const std::string sender = packet.order.sender.text();
  ASSERT_TRUE(at.pay(sender, packet));
  at.clock.advance(kPacketTtl);
  EXPECT_EQ(at.refund(), 1U);
  at.settle();
  EXPECT_EQ(at.wallet(sender), 300);
  EXPECT_EQ(due(), Money(0));
}

TEST_F(LedgersTest, APaymentThatComesTooLateGoesHome) {
  const PreOrder packet = funded_across();
  const std::string sender = packet.order.sender.text();
  at.debit_without_activation(packet);
  at.clock.advance(kPayable + std::chrono::minutes(1));
  EXPECT_EQ(at.reconcile()->returned, 1U);
  at.settle();
  EXPECT_EQ(at.wallet(sender), 300);
  EXPECT_EQ(due(), Money(0));
}

TEST_F(LedgersTest, OfTwoPaymentsInTwoLedgersTheSecondIsGivenBack) {
  for (const bool wallet_first : {true, false}) {
    const PreOrder packet = funded_across();
    const std::string sender = packet.order.sender.text();
    const std::string id = fmt::format("payment-{}", at.ids.print(packet.order.key));
    const int64_t before = at.wallet(sender);
    for (int again = 0; again < 2; ++again) {  // answers get lost
      const auto first = wallet_first ? at.pay(sender, packet) : at.accept(packet, id);
      EXPECT_EQ(first->outcome, PaymentOutcome::kPaid);
      const auto second = wallet_first ? at.accept(packet, id) : at.pay(sender, packet);
      EXPECT_EQ(second->outcome, PaymentOutcome::kCreditedToWallet) << wallet_first;
    }
    EXPECT_EQ(at.wallet(sender), before) << "one of the two has paid";
    at.expect_balanced();
    at.settle();
    EXPECT_EQ(due(), Money(0));
    EXPECT_EQ(at.reconcile()->pending, 0U);
  }
}

TEST_F(LedgersTest, ReconciliationGivesBackWhatNobodyAsksForAgain) {
  const PreOrder packet = funded_across();
  const std::string sender = packet.order.sender.text();
  at.debit_without_activation(packet);  // and then it is paid through a channel
  ASSERT_EQ(at.accept(packet, "payment-1")->outcome, PaymentOutcome::kPaid);
  EXPECT_EQ(at.wallet(sender), 0);
  at.clock.advance(kGrace + std::chrono::seconds(1));
  const auto report = at.reconcile().value();
  EXPECT_EQ(report.returned, 1U);
  EXPECT_EQ(at.wallet(sender), 300);
  at.settle();
  EXPECT_EQ(at.reconcile()->pending, 0U);
  at.expect_balanced();
  EXPECT_EQ(due(), Money(0));
}

TEST_F(LedgersTest, OfAFrozenWalletItWaits) {
  const PreOrder packet = funded_across();
  const std::string sender = packet.order.sender.text();
  at.debit_without_activation(packet);
  ASSERT_TRUE(at.accept(packet, "payment-1"));
  at.set_frozen(sender, true);
  at.clock.advance(kGrace + std::chrono::seconds(1));
  EXPECT_EQ(at.reconcile()->failed, 1U);
  EXPECT_EQ(at.wallet(sender), 0);
  at.expect_balanced();
  at.set_frozen(sender, false);
  EXPECT_EQ(at.reconcile()->returned, 1U);
  EXPECT_EQ(at.wallet(sender), 300);
}

TEST_F(LedgersTest, ALapsedOrderThatAChannelPaidAsksNoWallet) {
  const PreOrder packet = funded_across();
  const std::string sender = packet.order.sender.text();
  ASSERT_TRUE(at.accept(packet, "payment-1"));
  at.clock.advance(kPayable + std::chrono::minutes(1));
  EXPECT_EQ(at.pay(sender, packet)->outcome, PaymentOutcome::kPaid) << "it is active, and this wallet did not pay";
  EXPECT_EQ(at.wallet(sender), 300);
  at.expect_balanced();
}

TEST_F(LedgersTest, ALapsedOrderThatAChannelPaidTooLateIsToldAsItIs) {
  const PreOrder packet = sent_across();
  const std::string sender = packet.order.sender.text();
  at.clock.advance(kPayable + std::chrono::minutes(1));
  ASSERT_EQ(at.accept(packet, "payment-1")->outcome, PaymentOutcome::kCreditedToWallet);
  EXPECT_EQ(at.pay(sender, packet)->outcome, PaymentOutcome::kCreditedToWallet);
  at.settle();
  EXPECT_EQ(at.wallet(sender), 300);
  at.expect_balanced();
}

TEST_F(LedgersTest, TheAuditSeesWhatOneSideDoesAlone) {
  const PreOrder packet = funded_across();
  const std::string sender = packet.order.sender.text();
  ASSERT_TRUE(at.pay(sender, packet));
  at.settle();
  const AccountId escrow = AccountId::escrow(packet.order.key.shard);
  Ledger& in = at.use_cases.ledgers.of(packet.order.key.shard);
  const Posting stolen{.transfer = {.id = "by hand",
                                    .debit = AccountId::due(other(in.id())),
                                    .credit = AccountId::channel("demo"),
                                    .amount = Money(7),
                                    .kind = TransferKind::kDeposit,
                                    .at = at.clock.now()}};
  ASSERT_TRUE(ask<Posted>([&](auto done) { in.writer.post(stolen, soon(at.clock), std::move(done)); }).get());
  const auto report = at.audit.run(false).value();
  EXPECT_FALSE(report.balanced());
  EXPECT_EQ(report.difference(), Money(7));
}

TEST_F(LedgersTest, WhoIsFrozenInAnyLedgerIsFrozen) {
  for (const LedgerId ledger : at.all_ledgers.all()) {
    const std::string name = somebody_in(ledger);
    at.set_frozen(name, true);
    ASSERT_TRUE(at.use_cases.frozen_accounts.refresh());
    EXPECT_TRUE(at.use_cases.frozen_accounts.contains(user(name)));
  }
}

}  // namespace
}  // namespace hongbao
