// Sending and paying: service/ordering.h, pre_orders.h, wallets.h.
#include "service/service_fixture.h"

namespace hongbao {
namespace {

class OrderingTest : public ServiceTest {};

int64_t escrow_of(Deployment& at) {
  int64_t sum = 0;
  for (const ShardId shard : at.shard_ids) {
    sum += at.ledger.account(AccountId::escrow(shard))->balance().fen();
  }
  return sum;
}

TEST_F(OrderingTest, TheSameKeyAndBodyGiveTheSamePacketAndPayToken) {
  const auto first = at.send("alice", "k", lucky(100, 5));
  const auto again = at.send("alice", "k", lucky(100, 5));
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->order, again->order);
  EXPECT_EQ(first->pay_token, again->pay_token);
  EXPECT_EQ(first->greeting, again->greeting);
}

TEST_F(OrderingTest, TheSameKeyWithAnotherBodyIsRefused) {
  ASSERT_TRUE(at.send("alice", "k", lucky(100, 5)));
  EXPECT_EQ(error_of(at.send("alice", "k", lucky(101, 5))), ErrorCode::kIdempotencyKeyReused);
  EXPECT_EQ(error_of(at.send("alice", "k", lucky(100, 4))), ErrorCode::kIdempotencyKeyReused);
}

TEST_F(OrderingTest, AnotherSendersSameKeyIsAnotherPacket) {
  const auto alices = at.send("alice", "k", lucky(100, 5));
  const auto bobs = at.send("bob", "k", lucky(100, 5));
  ASSERT_TRUE(alices && bobs);
  EXPECT_NE(alices->order.key, bobs->order.key);
  EXPECT_NE(alices->order.seed, bobs->order.seed);
}

TEST_F(OrderingTest, SendingCanBeSwitchedOff) {
  ASSERT_TRUE(at.control.set(Switch::kSends, false));
  EXPECT_EQ(error_of(at.send("alice", "k", lucky(100, 5))), ErrorCode::kSwitchedOff);
  ASSERT_TRUE(at.control.set(Switch::kSends, true));
  EXPECT_TRUE(at.send("alice", "k", lucky(100, 5)));
}

TEST_F(OrderingTest, WithoutAServingShardNothingIsSent) {
  for (const ShardId id : at.shard_ids) {
    at.shards.find(id)->stop();
  }
  EXPECT_EQ(error_of(at.send("alice", "k", lucky(100, 5))), ErrorCode::kUnavailable);
}

TEST_F(OrderingTest, ASendGoesAroundAShardThatDoesNotServe) {
  at.shards.find(at.shard_ids[0])->stop();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(at.sent("alice", lucky(100, 5)).order.key.shard, at.shard_ids[1]);
  }
}

TEST_F(OrderingTest, PayingFromTheWalletDebitsOnceHoweverOftenItIsRepeated) {
  at.deposit("alice", 1'000);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  for (int i = 0; i < 5; ++i) {
    const auto paid = at.pay("alice", packet);
    ASSERT_TRUE(paid);
    EXPECT_EQ(paid->packet, packet.order.key);
    EXPECT_EQ(paid->outcome, PaymentOutcome::kPaid);
    at.settle();
    EXPECT_EQ(at.wallet("alice"), 700);
    EXPECT_EQ(escrow_of(at), 300);
  }
  EXPECT_EQ(at.view(packet.order.key)->state, PacketState::kActive);
  at.expect_balanced();
}

TEST_F(OrderingTest, APaymentMadeInTimeIsConfirmedAfterTheOrderLapsed) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  ASSERT_TRUE(at.pay("alice", packet));
  at.clock.advance(kPayable + std::chrono::minutes(1));
  const auto again = at.pay("alice", packet);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->outcome, PaymentOutcome::kPaid);
}

TEST_F(OrderingTest, AShortWalletPaysNothing) {
  at.deposit("alice", 299);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  EXPECT_EQ(error_of(at.pay("alice", packet)), ErrorCode::kInsufficientFunds);
  EXPECT_EQ(at.wallet("alice"), 299);
  EXPECT_EQ(at.view(packet.order.key)->state, PacketState::kAwaitingPayment);
  at.deposit("alice", 1);
  EXPECT_TRUE(at.pay("alice", packet));
  EXPECT_EQ(at.wallet("alice"), 0);
}

TEST_F(OrderingTest, AFrozenWalletPaysNothing) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.set_frozen("alice", true);
  EXPECT_EQ(error_of(at.pay("alice", packet)), ErrorCode::kAccountFrozen);
  at.set_frozen("alice", false);
  EXPECT_TRUE(at.pay("alice", packet));
}

TEST_F(OrderingTest, AFrozenAccountSendsNothing) {
  at.freeze("alice", true);
  EXPECT_EQ(error_of(at.send("alice", "key", lucky(300, 5))), ErrorCode::kAccountFrozen);
  at.freeze("alice", false);
  EXPECT_TRUE(at.send("alice", "key", lucky(300, 5)));
}

TEST_F(OrderingTest, OnlyTheSenderPaysFromTheWallet) {
  at.deposit("bob", 300);
  EXPECT_EQ(error_of(at.pay("bob", at.sent("alice", lucky(300, 5)))), ErrorCode::kForbidden);
  EXPECT_EQ(at.wallet("bob"), 300);
}

TEST_F(OrderingTest, ATokenOfAnotherPacketPaysNothing) {
  at.deposit("alice", 300);
  const PreOrder cheap = at.sent("alice", lucky(1, 1));
  const PreOrder dear = at.sent("alice", lucky(300, 5));
  EXPECT_EQ(error_of(at.pay("alice", dear.order.key, cheap.pay_token)), ErrorCode::kPayTokenInvalid);
}

TEST_F(OrderingTest, AForgedTokenPaysNothing) {
  at.deposit("alice", 300);
  PreOrder packet = at.sent("alice", lucky(300, 5));
  const PayTokenCodec forger(Key256{});
  const std::string forged = forger.print(packet.order, SealNonce{});
  EXPECT_EQ(error_of(at.pay("alice", packet.order.key, forged)), ErrorCode::kPayTokenInvalid);
  EXPECT_EQ(error_of(at.pay("alice", packet.order.key, "")), ErrorCode::kPayTokenInvalid);
  packet.pay_token = forged;
  EXPECT_EQ(error_of(at.accept(packet, "p1")), ErrorCode::kPayTokenInvalid);
  EXPECT_EQ(at.wallet("alice"), 300);
}

TEST_F(OrderingTest, ATokenOfAShardThatIsNotServedHerePaysNothing) {
  Order order = at.sent("alice", lucky(300, 5)).order;
  order.key.shard.number = 99;
  const PreOrder foreign{order, at.pay_tokens.print(order, SealNonce{}), ""};
  EXPECT_EQ(error_of(at.pay("alice", foreign)), ErrorCode::kPayTokenInvalid);
  EXPECT_EQ(error_of(at.accept(foreign, "p1")), ErrorCode::kPayTokenInvalid);
}

TEST_F(OrderingTest, ALapsedOrderIsNotPaidFromTheWallet) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.clock.advance(kPayable + std::chrono::milliseconds(1));
  EXPECT_EQ(error_of(at.pay("alice", packet)), ErrorCode::kPayTokenExpired);
  EXPECT_EQ(at.wallet("alice"), 300);
}

// The first answer was lost, and the order has lapsed when it is asked again.
TEST_F(OrderingTest, ALapsedOrderWhoseMoneyHadMovedIsAnsweredAsWhatBecameOfIt) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.debit_without_activation(packet);
  at.clock.advance(kPayable + std::chrono::milliseconds(1));
  EXPECT_EQ(at.pay("alice", packet).value().outcome, PaymentOutcome::kCreditedToWallet);
  at.settle();
  EXPECT_EQ(at.wallet("alice"), 300);
  EXPECT_EQ(at.pay("alice", packet).value().outcome, PaymentOutcome::kCreditedToWallet);
  at.expect_balanced();
}

TEST_F(OrderingTest, TheLastMomentOfPaymentIsStillInTime) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.clock.advance(kPayable);
  EXPECT_EQ(at.pay("alice", packet).value().outcome, PaymentOutcome::kPaid);
}

TEST_F(OrderingTest, AChannelsPaymentForALapsedOrderGoesToTheWalletAndIsAnsweredTheSameAgain) {
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.clock.advance(kPayable + std::chrono::milliseconds(1));
  for (int i = 0; i < 3; ++i) {
    const auto accepted = at.accept(packet, "p1");
    ASSERT_TRUE(accepted);
    EXPECT_EQ(accepted->outcome, PaymentOutcome::kCreditedToWallet) << "repeat " << i;
    at.expect_balanced();
    at.settle();
    at.expect_balanced();
    EXPECT_EQ(at.wallet("alice"), 300);
  }
  EXPECT_EQ(at.view(packet.order.key)->state, PacketState::kExpired);
  EXPECT_EQ(escrow_of(at), 0);
}

TEST_F(OrderingTest, AReturnedPaymentIsAnsweredTheSameByTheNextProcess) {
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.clock.advance(kPayable + std::chrono::milliseconds(1));
  ASSERT_EQ(at.accept(packet, "p1").value().outcome, PaymentOutcome::kCreditedToWallet);
  at.restart_shards();
  EXPECT_EQ(at.accept(packet, "p1").value().outcome, PaymentOutcome::kCreditedToWallet);
}

TEST_F(OrderingTest, APacketThatExpiredAfterItWasPaidInTimeIsStillAnsweredAsPaid) {
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  ASSERT_TRUE(at.accept(packet, "p1"));
  at.clock.advance(kPacketTtl);
  ASSERT_EQ(at.refund(), 1U);
  EXPECT_EQ(at.accept(packet, "p1").value().outcome, PaymentOutcome::kPaid);
}

TEST_F(OrderingTest, AChannelMayRepeatItsNotification) {
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(at.accept(packet, "p1").value().outcome, PaymentOutcome::kPaid);
  }
  at.settle();
  EXPECT_EQ(escrow_of(at), 300);
  EXPECT_EQ(at.wallet("alice"), 0);
  at.expect_balanced();
}

TEST_F(OrderingTest, ASecondPaymentOfAPacketIsCreditedToTheWalletOnce) {
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  ASSERT_EQ(at.accept(packet, "p1").value().outcome, PaymentOutcome::kPaid);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(at.accept(packet, "p2").value().outcome, PaymentOutcome::kCreditedToWallet);
    EXPECT_EQ(at.wallet("alice"), 300);
  }
  EXPECT_EQ(escrow_of(at), 300);
  EXPECT_EQ(at.accept(packet, "p1").value().outcome, PaymentOutcome::kPaid);
  at.expect_balanced();
}

TEST_F(OrderingTest, AChannelsPaymentBehindTheWalletsIsCreditedToTheWallet) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  ASSERT_TRUE(at.pay("alice", packet));
  EXPECT_EQ(at.accept(packet, "p1").value().outcome, PaymentOutcome::kCreditedToWallet);
  EXPECT_EQ(at.wallet("alice"), 300);
  EXPECT_EQ(at.pay("alice", packet).value().outcome, PaymentOutcome::kPaid);
  EXPECT_EQ(at.wallet("alice"), 300);
}

TEST_F(OrderingTest, AWalletIsLeftAloneWhenAChannelHasPaid) {
  at.deposit("alice", 300);
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  ASSERT_TRUE(at.accept(packet, "p1"));
  EXPECT_EQ(at.pay("alice", packet).value().outcome, PaymentOutcome::kPaid);
  EXPECT_EQ(at.wallet("alice"), 300);
}

TEST_F(OrderingTest, OnePaymentIdPaysForOnePacket) {
  ASSERT_TRUE(at.accept(at.sent("alice", lucky(300, 5)), "p1"));
  const PreOrder other = at.sent("alice", lucky(300, 5));
  EXPECT_EQ(error_of(at.accept(other, "p1")), ErrorCode::kPaymentIdReused);
  EXPECT_EQ(at.view(other.order.key)->state, PacketState::kAwaitingPayment);
  EXPECT_EQ(at.wallet("alice"), 0);
}

TEST_F(OrderingTest, AChannelPaysThePacketsAmountOrNothing) {
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  EXPECT_EQ(error_of(at.accept(packet, "p1", 299)), ErrorCode::kAmountMismatch);
  EXPECT_EQ(error_of(at.accept(packet, "p1", 301)), ErrorCode::kAmountMismatch);
  EXPECT_EQ(at.view(packet.order.key)->state, PacketState::kAwaitingPayment);
}

TEST_F(OrderingTest, APaidOrderSurvivesTheLossOfTheCache) {
  Deployment forgetful;
  const PreOrder packet = forgetful.sent("alice", lucky(300, 5));
  forgetful.clock.advance(kPayable);
  for (int i = 0; i < 100'000; ++i) {  // more than the cache holds pushes the order out
    forgetful.cache.put_if_absent(std::to_string(i), std::to_string(i), std::string(1'000, 'x'), kPayable, [](auto) {});
  }
  EXPECT_EQ(error_of(forgetful.view(packet.order.key)), ErrorCode::kNotFound);
  EXPECT_EQ(forgetful.accept(packet, "p1").value().outcome, PaymentOutcome::kPaid);
  EXPECT_EQ(forgetful.view(packet.order.key)->state, PacketState::kActive);
}

TEST_F(OrderingTest, OfTwoPacketsOfOneKeyOneIsPaid) {
  at.deposit("alice", 1'000);
  const PreOrder first = at.send("alice", "k", lucky(300, 5)).value();
  ASSERT_TRUE(at.pay("alice", first));
  at.forget_send("alice", "k");
  const PreOrder second = at.send("alice", "k", lucky(300, 5)).value();
  ASSERT_NE(second.order.key, first.order.key);
  const auto refused = at.pay("alice", second);
  ASSERT_EQ(error_of(refused), ErrorCode::kAlreadySent);
  EXPECT_EQ(refused.error().packet_id, at.ids.print(first.order.key));
  EXPECT_EQ(at.wallet("alice"), 700);
  // A channel has the money already.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(at.accept(second, "p1").value().outcome, PaymentOutcome::kCreditedToWallet);
    EXPECT_EQ(at.wallet("alice"), 1'000);
  }
  EXPECT_EQ(at.pay("alice", first).value().outcome, PaymentOutcome::kPaid) << "the first is what it was";
  EXPECT_EQ(at.wallet("alice"), 1'000);
  EXPECT_EQ(escrow_of(at), 300);
  at.settle();
  at.expect_balanced();
}

TEST_F(OrderingTest, AnotherUsersSameKeyAndAnotherKeyArePaid) {
  at.deposit("alice", 1'000);
  at.deposit("bob", 1'000);
  ASSERT_TRUE(at.pay("alice", at.send("alice", "k", lucky(300, 5)).value()));
  EXPECT_TRUE(at.pay("bob", at.send("bob", "k", lucky(300, 5)).value()));
  EXPECT_TRUE(at.pay("alice", at.send("alice", "k2", lucky(300, 5)).value()));
}

TEST_F(OrderingTest, AKeyOfWhichNoPacketWasPaidPaysForAnother) {
  at.deposit("alice", 1'000);
  const PreOrder lost = at.send("alice", "k", lucky(300, 5)).value();
  at.forget_send("alice", "k");
  const PreOrder second = at.send("alice", "k", lucky(300, 5)).value();
  ASSERT_TRUE(at.pay("alice", second));
  EXPECT_EQ(error_of(at.pay("alice", lost)), ErrorCode::kAlreadySent);
  EXPECT_EQ(at.wallet("alice"), 700);
}

// Two orders have one id: only a store that went back together with its clock can give it twice.
TEST_F(OrderingTest, AnIdThatWasGivenTwiceIsRefusedForTheSecondOrder) {
  at.deposit("alice", 1'000);
  at.deposit("bob", 1'000);
  const PreOrder first = at.send("alice", "k", lucky(300, 5)).value();
  Order twin = first.order;
  twin.sender = user("bob");
  twin.send_key = send_key_of(twin.sender, "k");
  const PreOrder second{twin, at.pay_tokens.print(twin, {1, 2, 3}), ""};
  ASSERT_TRUE(at.pay("alice", first));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(error_of(at.pay("bob", second)), ErrorCode::kTransferIdReused);
    EXPECT_EQ(at.accept(second, "p1").value().outcome, PaymentOutcome::kCreditedToWallet);
  }
  EXPECT_EQ(at.wallet("bob"), 1'300);
  at.settle();
  at.expect_balanced();
}

TEST_F(OrderingTest, ADepositIsMadeOnceForItsKey) {
  const auto deposit = [&](int64_t amount) {
    return ask<std::string>([&](auto done) {
             at.wallets.deposit({user("alice")}, Money(amount), "k", soon(at.clock), std::move(done));
           })
        .get();
  };
  ASSERT_TRUE(deposit(100));
  ASSERT_TRUE(deposit(100));
  EXPECT_EQ(at.wallet("alice"), 100);
  EXPECT_EQ(error_of(deposit(101)), ErrorCode::kTransferIdReused);
}

// Found by tests/sim: "not now" says that nothing took effect, and here the money has moved.
TEST_F(OrderingTest, APaymentWhoseActivationIsRefusedIsAnsweredAsUnknown) {
  at.deposit("alice", 500);
  const PreOrder from_wallet = at.sent("alice", lucky(500, 5));
  const PreOrder from_channel = at.sent("alice", lucky(300, 5));
  for (const ShardId shard : at.shard_ids) {
    at.shards.find(shard)->stop();
  }
  EXPECT_EQ(error_of(at.pay("alice", from_wallet)), ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(error_of(at.accept(from_channel, "payment")), ErrorCode::kOutcomeUnknown);
  at.restart_shards();
  EXPECT_EQ(at.pay("alice", from_wallet)->outcome, PaymentOutcome::kPaid);
  EXPECT_EQ(at.accept(from_channel, "payment")->outcome, PaymentOutcome::kPaid);
  EXPECT_EQ(at.wallet("alice"), 0);
}

}  // namespace
}  // namespace hongbao
