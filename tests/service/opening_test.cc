// Grabbing, opening and viewing: service/opening.h, viewing.h, refunder.h.
#include <fmt/format.h>

#include <thread>

#include "service/service_fixture.h"
#include "support/shard_options.h"

namespace hongbao {
namespace {

class OpeningTest : public ServiceTest {};

TEST_F(OpeningTest, AGrabGivesATicketThatOpens) {
  const PacketKey packet = at.active(lucky(100, 5));
  const auto grabbed = at.grab(packet, "bob");
  ASSERT_TRUE(grabbed);
  ASSERT_EQ(grabbed->outcome, OpenOutcome::kTicket);
  EXPECT_EQ(grabbed->ticket_expires_at, at.clock.now() + kTicketTtl);
  const auto opened = at.open(packet, "bob", grabbed->ticket);
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->outcome, OpenOutcome::kOpened);
  EXPECT_EQ(opened->share->seq, 1U);
  EXPECT_EQ(opened->share->user, user("bob"));
}

TEST_F(OpeningTest, OpeningAgainReturnsTheSameShare) {
  const PacketKey packet = at.active(lucky(100, 5));
  const Share first = at.opened(packet, "bob").share.value();
  at.restart_shards();
  for (int i = 0; i < 3; ++i) {
    const Share again = at.opened(packet, "bob").share.value();
    EXPECT_EQ(again.seq, first.seq);
    EXPECT_EQ(again.amount, first.amount);
    EXPECT_EQ(again.voucher, first.voucher);
    EXPECT_EQ(again.opened_at, first.opened_at);
  }
  EXPECT_EQ(at.grab(packet, "bob")->outcome, OpenOutcome::kOpened);
  EXPECT_EQ(at.view(packet)->opened_count, 1U);
}

TEST_F(OpeningTest, ATicketIsGoodForItsUserAndPacketOnly) {
  const PacketKey packet = at.active(lucky(100, 5));
  const PacketKey other = at.active(lucky(100, 5));
  const std::string ticket = at.grab(packet, "bob")->ticket;
  EXPECT_EQ(error_of(at.open(packet, "eve", ticket)), ErrorCode::kTicketInvalid);
  EXPECT_EQ(error_of(at.open(other, "bob", ticket)), ErrorCode::kTicketInvalid);
  EXPECT_EQ(error_of(at.open(packet, "bob", "")), ErrorCode::kTicketInvalid);
  EXPECT_EQ(at.view(packet)->opened_count, 0U);
}

TEST_F(OpeningTest, ATicketExpires) {
  const PacketKey packet = at.active(lucky(100, 5));
  const std::string ticket = at.grab(packet, "bob")->ticket;
  at.clock.advance(kTicketTtl + std::chrono::seconds(1));
  EXPECT_EQ(error_of(at.open(packet, "bob", ticket)), ErrorCode::kTicketExpired);
}

TEST_F(OpeningTest, AFrozenAccountDrawsNoShare) {
  const PacketKey packet = at.active(lucky(100, 5));
  const std::string ticket = at.grab(packet, "bob")->ticket;
  at.freeze("bob", true);
  EXPECT_EQ(error_of(at.grab(packet, "bob")), ErrorCode::kAccountFrozen);
  EXPECT_EQ(error_of(at.open(packet, "bob", ticket)), ErrorCode::kAccountFrozen);
  at.restart_shards();  // not resident
  EXPECT_EQ(error_of(at.grab(packet, "bob")), ErrorCode::kAccountFrozen);
  EXPECT_EQ(error_of(at.open(packet, "bob", ticket)), ErrorCode::kAccountFrozen);
  EXPECT_EQ(at.view(packet)->opened_count, 0U);
  EXPECT_EQ(at.opened(packet, "cat").outcome, OpenOutcome::kOpened);
  at.freeze("bob", false);
  EXPECT_EQ(at.opened(packet, "bob").outcome, OpenOutcome::kOpened);
}

TEST_F(OpeningTest, AFrozenAccountIsToldOfTheShareItDrewBefore) {
  const PacketKey packet = at.active(lucky(100, 5));
  const Share drawn = at.opened(packet, "bob").share.value();
  const std::string ticket = at.tickets.print(packet, user("bob"), at.clock.now() + kTicketTtl);
  at.freeze("bob", true);
  EXPECT_EQ(at.grab(packet, "bob")->share.value().amount, drawn.amount);
  EXPECT_EQ(at.open(packet, "bob", ticket)->share.value().amount, drawn.amount);
}

TEST_F(OpeningTest, WhomAnotherProcessFroze) {
  const PacketKey packet = at.active(lucky(100, 5));
  at.set_frozen("bob", true);
  EXPECT_TRUE(at.grab(packet, "bob")) << "not known yet";
  ASSERT_TRUE(at.use_cases.frozen_accounts.refresh());
  EXPECT_EQ(error_of(at.grab(packet, "bob")), ErrorCode::kAccountFrozen);
  at.ledger.frozen_is_unreadable = true;
  EXPECT_EQ(error_of(at.use_cases.frozen_accounts.refresh()), ErrorCode::kStorage);
  EXPECT_EQ(error_of(at.grab(packet, "bob")), ErrorCode::kAccountFrozen) << "the list stays";
  EXPECT_TRUE(at.grab(packet, "cat"));
  at.ledger.frozen_is_unreadable = false;
  at.set_frozen("bob", false);
  ASSERT_TRUE(at.use_cases.frozen_accounts.refresh());
  EXPECT_TRUE(at.grab(packet, "bob"));
}

TEST_F(OpeningTest, AnExclusivePacketOpensForItsRecipientOnly) {
  const PacketKey packet = at.active(exclusive(88, "bob"));
  EXPECT_EQ(at.grab(packet, "eve")->outcome, OpenOutcome::kNotForYou);
  const std::string ticket = at.tickets.print(packet, user("eve"), at.clock.now() + kTicketTtl);
  EXPECT_EQ(error_of(at.open(packet, "eve", ticket)), ErrorCode::kForbidden);
  EXPECT_EQ(at.opened(packet, "bob").share->amount, Money(88));
  at.restart_shards();
  EXPECT_EQ(error_of(at.open(packet, "eve", ticket)), ErrorCode::kForbidden) << "also when it isn't resident";
}

TEST_F(OpeningTest, AnExhaustedPacketTellsLatecomersSo) {
  const PacketKey packet = at.active(lucky(100, 2));
  const std::string late = at.grab(packet, "late")->ticket;
  at.opened(packet, "bob");
  at.opened(packet, "carol");
  EXPECT_EQ(at.open(packet, "late", late)->outcome, OpenOutcome::kExhausted);
  EXPECT_EQ(at.grab(packet, "late")->outcome, OpenOutcome::kExhausted);
  EXPECT_EQ(at.grab(packet, "bob")->outcome, OpenOutcome::kOpened);
}

TEST_F(OpeningTest, NothingOpensFromTheMomentAPacketExpires) {
  const PacketKey packet = at.active(lucky(100, 5));
  at.clock.advance(kPacketTtl - std::chrono::milliseconds(1));
  const std::string late = at.grab(packet, "late")->ticket;
  EXPECT_EQ(at.opened(packet, "bob").outcome, OpenOutcome::kOpened);
  at.clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(at.open(packet, "late", late)->outcome, OpenOutcome::kExpired);
  EXPECT_EQ(at.grab(packet, "late")->outcome, OpenOutcome::kExpired);
  EXPECT_EQ(at.grab(packet, "bob")->outcome, OpenOutcome::kOpened);
}

TEST_F(OpeningTest, GrabsAndOpensAreSwitchedOffApart) {
  const PacketKey packet = at.active(lucky(100, 5));
  const std::string ticket = at.grab(packet, "bob")->ticket;
  ASSERT_TRUE(at.control.set(Switch::kGrabs, false));
  EXPECT_EQ(error_of(at.grab(packet, "bob")), ErrorCode::kSwitchedOff);
  EXPECT_TRUE(at.open(packet, "bob", ticket));
  ASSERT_TRUE(at.control.set(Switch::kGrabs, true));
  ASSERT_TRUE(at.control.set(Switch::kOpens, false));
  EXPECT_TRUE(at.grab(packet, "bob"));
  EXPECT_EQ(error_of(at.open(packet, "bob", ticket)), ErrorCode::kSwitchedOff);
}

TEST_F(OpeningTest, AnUnpaidPacketIsToldFromOneThatIsNot) {
  const PreOrder packet = at.sent("alice", lucky(100, 5));
  EXPECT_EQ(error_of(at.grab(packet.order.key, "bob")), ErrorCode::kNotPaid);
  PacketKey unknown = packet.order.key;
  unknown.local.value += 1'000;
  EXPECT_EQ(error_of(at.grab(unknown, "bob")), ErrorCode::kNotFound);
  unknown.shard.number = 99;
  EXPECT_EQ(error_of(at.grab(unknown, "bob")), ErrorCode::kNotFound);
  EXPECT_EQ(error_of(at.open(unknown, "bob", at.tickets.print(unknown, user("bob"), at.clock.now() + kTicketTtl))),
            ErrorCode::kNotFound);
  EXPECT_EQ(error_of(at.view(unknown)), ErrorCode::kNotFound);
}

TEST_F(OpeningTest, ConcurrentOpensNeverExceedTheCountAndSumExactly) {
  constexpr int kThreads = 6;
  constexpr int kTakersOfEach = 50;
  constexpr uint32_t kCount = 100;
  const PacketKey packet = at.active(lucky(12'345, kCount));
  std::vector<std::vector<Share>> shares(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTakersOfEach; ++i) {
        // Every taker appears in two threads, so that the same user races with itself.
        const auto answer = at.opened(packet, fmt::format("taker-{}-{}", t / 2, i));
        if (answer.share) {
          shares[static_cast<size_t>(t)].push_back(*answer.share);
        } else {
          EXPECT_EQ(answer.outcome, OpenOutcome::kExhausted);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::map<UserId, Share> by_user;
  for (const auto& list : shares) {
    for (const Share& share : list) {
      const auto [it, added] = by_user.emplace(share.user, share);
      EXPECT_EQ(it->second.voucher, share.voucher) << share.user.text();
    }
  }
  Money sum;
  std::set<uint32_t> seqs;
  for (const auto& [taker, share] : by_user) {
    sum += share.amount;
    seqs.insert(share.seq);
  }
  EXPECT_EQ(by_user.size(), kCount);
  EXPECT_EQ(seqs.size(), kCount);
  EXPECT_EQ(*seqs.rbegin(), kCount);
  EXPECT_EQ(sum, Money(12'345));
  at.settle();
  at.expect_balanced();
}

TEST_F(OpeningTest, OpensOfOnePacketOnTheirWayAreBounded) {
  const PacketKey packet = at.active(lucky(100, 50));
  const PacketGate& gate = at.shards.find(packet.shard)->gate();
  std::vector<OpenPermit> permits(test_shard_options().opens_in_flight_max);
  for (OpenPermit& permit : permits) {
    ASSERT_FALSE(gate.enter(packet, user("crowd"), at.clock.now(), permit));
  }
  const std::string ticket = at.grab(packet, "bob")->ticket;
  EXPECT_EQ(error_of(at.open(packet, "bob", ticket)), ErrorCode::kPacketBusy);
  permits.clear();
  EXPECT_TRUE(at.open(packet, "bob", ticket));
}

TEST_F(OpeningTest, TheUnclaimedRestReturnsAtExpiryAndNotBefore) {
  const PacketKey packet = at.active(lucky(1'000, 5), "alice");
  const int64_t taken = at.opened(packet, "bob").share->amount.fen();
  at.clock.advance(kPacketTtl - std::chrono::milliseconds(1));
  EXPECT_EQ(at.refund(), 0U);
  EXPECT_EQ(at.view(packet)->state, PacketState::kActive);
  at.clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(at.refund(), 1U);
  EXPECT_EQ(at.refund(), 0U);
  at.settle();
  EXPECT_EQ(at.wallet("alice"), 1'000 - taken);
  EXPECT_EQ(at.wallet("bob"), taken);
  const auto view = at.view(packet);
  EXPECT_EQ(view->state, PacketState::kExpired);
  EXPECT_EQ(view->refunded_amount, Money(1'000 - taken));
  at.expect_balanced();
}

TEST_F(OpeningTest, AnExhaustedPacketIsNeverRefunded) {
  const PacketKey packet = at.active(lucky(100, 1), "alice");
  at.opened(packet, "bob");
  at.clock.advance(kPacketTtl * 2);
  EXPECT_EQ(at.refund(), 0U);
  at.settle();
  EXPECT_EQ(at.wallet("alice"), 0);
}

TEST_F(OpeningTest, AViewFollowsThePacketThroughItsLife) {
  const PreOrder packet = at.sent("alice", lucky(100, 2));
  auto view = at.view(packet.order.key);
  EXPECT_EQ(view->state, PacketState::kAwaitingPayment);
  EXPECT_EQ(view->greeting, "恭喜");
  EXPECT_EQ(view->id, at.ids.print(packet.order.key));
  ASSERT_TRUE(at.accept(packet, "p1"));
  view = at.view(packet.order.key);
  EXPECT_EQ(view->state, PacketState::kActive);
  EXPECT_EQ(view->greeting, "恭喜");
  EXPECT_EQ(view->order.expires_at, at.clock.now() + kPacketTtl);
  const Money first = at.opened(packet.order.key, "bob").share->amount;
  view = at.view(packet.order.key);
  EXPECT_EQ(view->opened_count, 1U);
  EXPECT_EQ(view->opened_amount, first);
  at.opened(packet.order.key, "carol");
  view = at.view(packet.order.key);
  EXPECT_EQ(view->state, PacketState::kExhausted);
  EXPECT_EQ(view->opened_amount, Money(100));
}

TEST_F(OpeningTest, AnExclusivePacketIsSeenBySenderAndRecipientAlone) {
  const PreOrder sent = at.sent("alice", exclusive(88, "bob"));
  const PacketKey packet = sent.order.key;
  const auto check = [&](std::optional<ErrorCode> shares) {
    for (const char* viewer : {"alice", "bob"}) {
      EXPECT_TRUE(at.view_as(packet, viewer)) << viewer;
    }
    EXPECT_EQ(error_of(at.shares(packet, 1, 10, "alice")), shares);
    for (const char* viewer : {"carol", "Bob"}) {
      EXPECT_EQ(error_of(at.view_as(packet, viewer)), ErrorCode::kNotFound) << viewer;
      EXPECT_EQ(error_of(at.shares(packet, 1, 10, viewer)), ErrorCode::kNotFound) << viewer;
    }
  };
  check(ErrorCode::kNotPaid);
  ASSERT_TRUE(at.accept(sent, "p1"));
  check(std::nullopt);
  EXPECT_EQ(error_of(at.shares(packet, 1, 10, "bob")), ErrorCode::kOpenFirst);
  EXPECT_FALSE(at.view_as(packet, "bob")->shows_amounts);
  at.opened(packet, "bob");
  check(std::nullopt);
  EXPECT_TRUE(at.shares(packet, 1, 10, "bob"));
}

TEST_F(OpeningTest, UntilAPacketIsFinishedItsAmountsAreForItsSenderAndItsTakers) {
  const PreOrder sent = at.sent("alice", lucky(1'000, 20));  // more shares than a share list scans
  const PacketKey packet = sent.order.key;
  const auto shows = [&](const char* viewer) { return at.view_as(packet, viewer)->shows_amounts; };
  EXPECT_TRUE(shows("alice")) << "awaiting its payment";
  EXPECT_FALSE(shows("carol"));
  ASSERT_TRUE(at.accept(sent, "p1"));
  at.opened(packet, "bob");
  ASSERT_EQ(at.grab(packet, "carol")->outcome, OpenOutcome::kTicket) << "a ticket is no share";
  const auto check = [&](bool carols) {
    for (const char* viewer : {"alice", "bob", "carol"}) {
      const bool may = viewer != std::string_view("carol") || carols;
      EXPECT_EQ(shows(viewer), may) << viewer;
      EXPECT_EQ(error_of(at.shares(packet, 1, 10, viewer)), may ? std::nullopt : std::optional(ErrorCode::kOpenFirst));
    }
    EXPECT_FALSE(shows("al"));
  };
  check(false);
  at.restart_shards();
  check(false);
  at.opened(packet, "carol");
  check(true);
  at.clock.advance(kPacketTtl);
  EXPECT_FALSE(shows("dave")) << "expired by the clock, but not finished";
  EXPECT_EQ(at.refund(), 1U);
  EXPECT_TRUE(shows("dave"));
  EXPECT_EQ(at.shares(packet, 1, 10, "dave")->shares.size(), 2U);
}

TEST_F(OpeningTest, WhoeverPaysIsShownTheAmounts) {
  const PreOrder sent = at.sent("alice", lucky(100, 2));
  EXPECT_TRUE(at.view(sent.order.key)->shows_amounts);
  ASSERT_TRUE(at.accept(sent, "p1"));
  EXPECT_TRUE(at.view(sent.order.key)->shows_amounts);
}

TEST_F(OpeningTest, SharesArePagedAndTheLuckiestShowsOnceFinished) {
  const PacketKey packet = at.active(lucky(1'000, 3));
  const auto page = [&](uint32_t seq, uint32_t max) { return at.shares(packet, seq, max).value(); };
  EXPECT_TRUE(page(1, 2).shares.empty());
  at.opened(packet, "a");
  at.opened(packet, "b");
  EXPECT_EQ(page(1, 10).luckiest_seq, std::nullopt);
  at.opened(packet, "c");
  const SharesPage all = page(1, 10);
  ASSERT_EQ(all.shares.size(), 3U);
  EXPECT_EQ(all.next_seq, 0U);
  const SharesPage first = page(1, 2);
  EXPECT_EQ(first.shares.size(), 2U);
  EXPECT_EQ(first.next_seq, 3U);
  const SharesPage second = page(3, 2);
  ASSERT_EQ(second.shares.size(), 1U);
  EXPECT_EQ(second.shares[0].user, user("c"));
  EXPECT_EQ(second.next_seq, 0U);
  ASSERT_TRUE(all.luckiest_seq);
  for (const Share& share : all.shares) {
    EXPECT_LE(share.amount, all.shares[*all.luckiest_seq - 1].amount);
    EXPECT_TRUE(share.amount < all.shares[*all.luckiest_seq - 1].amount || share.seq >= *all.luckiest_seq);
  }
  EXPECT_EQ(first.luckiest_seq, all.luckiest_seq) << "every page names the packet's luckiest, not its own";
}

}  // namespace
}  // namespace hongbao
