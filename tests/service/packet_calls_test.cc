// Calls about packets as values: each is carried out by its use case and has an answer of its own.
#include "service/packet_calls.h"

#include "service/service_fixture.h"

namespace hongbao {
namespace {

class PacketCallsTest : public ServiceTest {
 protected:
  template <class What>
  Result<typename What::Answer> told(What what) {
    const PacketCall call{std::move(what), soon(at.clock)};
    auto answer = ask<PacketAnswer>([&](auto done) { calls_.carry_out(call, std::move(done)); }).get();
    if (!answer) {
      return std::unexpected(answer.error());
    }
    EXPECT_TRUE(may_answer(call, *answer));
    return std::get<typename What::Answer>(std::move(*answer));
  }
  PayCall pay_call(const PreOrder& packet) {
    return {packet.order.sender, packet.order.key, at.ordering.unseal(packet.pay_token).value()};
  }
  NotifyCall notify_call(const PreOrder& packet) {
    return {{"bank", "p1", packet.order.total, at.ordering.unseal(packet.pay_token).value()}};
  }

  const PacketCalls calls_{at.ordering, at.opening, at.viewing, at.ids};
};

TEST_F(PacketCallsTest, APacketIsSentPaidTakenAndShown) {
  at.deposit("alice", 1'000);
  const auto sent = told(SendCall{user("alice"), "k", lucky(300, 1), at.shard_ids.front()});
  ASSERT_TRUE(sent);
  const PacketKey key = sent->order.key;
  EXPECT_EQ(key.shard, at.shard_ids.front());
  EXPECT_EQ(told(ViewCall{user("alice"), key})->state, PacketState::kAwaitingPayment);
  const auto paid = told(pay_call(*sent));
  ASSERT_TRUE(paid);
  EXPECT_EQ(paid->outcome, PaymentOutcome::kPaid);
  EXPECT_EQ(paid->packet.state, PacketState::kActive);
  const auto grabbed = told(GrabCall{user("bob"), key});
  ASSERT_TRUE(grabbed);
  const auto opened = told(OpenCall{user("bob"), key, grabbed->ticket});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->share->amount, Money(300));
  const auto shares = told(SharesCall{user("alice"), key, 1, 10});
  ASSERT_TRUE(shares);
  EXPECT_EQ(shares->shares.size(), 1);
  EXPECT_EQ(told(ViewCall{user("alice"), key})->state, PacketState::kExhausted);
}

TEST_F(PacketCallsTest, ErrorsAreThoseOfTheUseCases) {
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  EXPECT_EQ(error_of(told(pay_call(packet))), ErrorCode::kInsufficientFunds);
  EXPECT_EQ(error_of(told(GrabCall{user("bob"), packet.order.key})), ErrorCode::kNotPaid);
  EXPECT_EQ(error_of(told(OpenCall{user("bob"), packet.order.key, "no ticket"})), ErrorCode::kTicketInvalid);
}

TEST_F(PacketCallsTest, APaymentThatCameTooLateShowsThePacketThatWasReturned) {
  const PreOrder packet = at.sent("alice", lucky(300, 5));
  at.clock.advance(kPayable + std::chrono::seconds(1));
  const auto late = told(notify_call(packet));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->outcome, PaymentOutcome::kCreditedToWallet);
  EXPECT_EQ(late->packet.state, PacketState::kExpired);
}

TEST_F(PacketCallsTest, WhatIsKnownNowhereButCreditedIsShownAsItWasOrdered) {
  at.deposit("alice", 1'000);
  ASSERT_TRUE(at.pay("alice", at.send("alice", "k", lucky(300, 5)).value()));
  at.forget_send("alice", "k");
  const PreOrder second = at.send("alice", "k", lucky(300, 5)).value();
  for (int i = 0; i < 100'000; ++i) {  // more than the cache holds pushes the order out
    at.cache.put_if_absent(std::to_string(i), std::to_string(i), std::string(1'000, 'x'), kPayable, [](auto) {});
  }
  ASSERT_EQ(error_of(at.view(second.order.key)), ErrorCode::kNotFound);
  const auto credited = told(notify_call(second));
  ASSERT_TRUE(credited);
  EXPECT_EQ(credited->outcome, PaymentOutcome::kCreditedToWallet);
  EXPECT_EQ(credited->packet.state, PacketState::kAwaitingPayment);
  EXPECT_EQ(credited->packet.id, at.ids.print(second.order.key));
}

}  // namespace
}  // namespace hongbao
