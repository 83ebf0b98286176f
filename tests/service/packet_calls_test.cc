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

TEST_F(PacketCallsTest, APacketOfAGroupIsForItsMembersAndItsSender) {
  at.deposit("alice", 1'000);
  SendRequest request = lucky(300, 3);
  request.group = GroupId::trusted("family");
  const auto in = [](const char* name, const char* group) {
    return Asker(user(name), std::make_shared<const Groups>(std::vector{GroupId::trusted(group)}));
  };
  const ShardId shard = at.shard_ids.front();
  EXPECT_EQ(error_of(told(SendCall{user("alice"), "k", request, shard})), ErrorCode::kNotInGroup);
  EXPECT_EQ(error_of(told(SendCall{in("alice", "friends"), "k", request, shard})), ErrorCode::kNotInGroup);
  const auto sent = told(SendCall{in("alice", "family"), "k", request, shard});
  ASSERT_TRUE(sent);
  const PacketKey key = sent->order.key;
  const auto may_see = [&](const Asker& asker, std::optional<ErrorCode> shares) {
    EXPECT_EQ(error_of(told(ViewCall{asker, key})), std::nullopt);
    EXPECT_EQ(told(ViewCall{asker, key})->order.group, request.group);
    EXPECT_EQ(error_of(told(SharesCall{asker, key, 1, 10})), shares);
  };
  const auto is_absent = [&](const Asker& asker) {
    EXPECT_EQ(error_of(told(ViewCall{asker, key})), ErrorCode::kNotFound);
    EXPECT_EQ(error_of(told(SharesCall{asker, key, 1, 10})), ErrorCode::kNotFound);
  };
  const auto others_see_nothing = [&] {
    is_absent(user("bob"));
    is_absent(in("bob", "friends"));
  };
  may_see(in("bob", "family"), ErrorCode::kNotPaid);
  may_see(user("alice"), ErrorCode::kNotPaid);
  others_see_nothing();
  ASSERT_TRUE(told(pay_call(*sent)));
  may_see(in("bob", "family"), ErrorCode::kOpenFirst);
  may_see(user("alice"), std::nullopt);
  others_see_nothing();

  const auto refused = [&](const Asker& asker) {
    EXPECT_EQ(error_of(told(GrabCall{asker, key})), ErrorCode::kNotInGroup);
    const std::string ticket = at.tickets.print(key, asker.user, at.clock.now() + kTicketTtl);
    EXPECT_EQ(error_of(told(OpenCall{asker, key, ticket})), ErrorCode::kNotInGroup);
  };
  refused(user("bob"));
  refused(in("bob", "friends"));
  at.restart_shards();
  refused(in("bob", "friends"));  // it was not resident
  at.restart_shards();
  const std::string forged = at.tickets.print(key, user("eve"), at.clock.now() + kTicketTtl);
  EXPECT_EQ(error_of(told(OpenCall{in("eve", "friends"), key, forged})), ErrorCode::kNotInGroup) << "the shard decides";

  const auto take = [&](const Asker& asker) {
    const auto grabbed = told(GrabCall{asker, key});
    EXPECT_TRUE(grabbed);
    return told(OpenCall{asker, key, grabbed->ticket}).value().share.value();
  };
  const Share share = take(in("bob", "family"));
  may_see(in("bob", "family"), std::nullopt);
  // Who has left the group keeps the share and is told of it, but sees the packet no more.
  EXPECT_EQ(told(GrabCall{user("bob"), key})->share->amount, share.amount);
  others_see_nothing();
  take(user("alice"));
  take(in("carol", "family"));
  may_see(in("dave", "family"), std::nullopt);
  others_see_nothing();
}

TEST_F(PacketCallsTest, AnExclusivePacketOfAGroupIsForItsRecipientWhoIsInIt) {
  SendRequest request = exclusive(88, "bob");
  request.group = GroupId::trusted("family");
  const auto family = std::make_shared<const Groups>(std::vector{request.group});
  const auto sent = told(SendCall{{user("alice"), family}, "k", request, at.shard_ids.front()});
  ASSERT_TRUE(sent);
  ASSERT_TRUE(at.accept(*sent, "p1"));
  const PacketKey key = sent->order.key;
  EXPECT_EQ(error_of(told(GrabCall{user("bob"), key})), ErrorCode::kNotInGroup);
  EXPECT_EQ(told(GrabCall{{user("carol"), family}, key})->outcome, OpenOutcome::kNotForYou);
  EXPECT_EQ(error_of(told(ViewCall{user("bob"), key})), ErrorCode::kNotFound);
  EXPECT_EQ(error_of(told(ViewCall{{user("carol"), family}, key})), ErrorCode::kNotFound);
  EXPECT_TRUE(told(ViewCall{{user("bob"), family}, key}));
  EXPECT_TRUE(told(ViewCall{user("alice"), key}));
  EXPECT_EQ(told(GrabCall{{user("bob"), family}, key})->outcome, OpenOutcome::kTicket);
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
