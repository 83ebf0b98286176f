#include "api/public/json_output.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace hongbao {
namespace {

namespace json = boost::json;

const PacketKey kKey{{Region::kSouth, 7}, Day{20'779}, LocalNo::of(1, 3)};
const PacketIdCodec kIds{Key128{1}};

Order an_order() {
  Order order{.key = kKey,
              .sender = UserId::trusted("alice"),
              .total = Money(100),
              .count = 3,
              .created_at = {1'795'384'267'250},
              .payable_until = {1'795'385'167'250},
              .paid_at = {1'795'384'268'000},
              .expires_at = {1'795'470'668'000}};
  order.seed.bytes.fill(0xab);
  return order;
}

PacketView a_view(PacketState state) {
  return {.id = kIds.print(kKey), .order = an_order(), .state = state, .greeting = "恭喜\"发财"};
}

Share share(uint32_t seq, int64_t amount) {
  return {seq, UserId::trusted("taker"), Money(amount), {1'795'384'269'000}, VoucherNo{40 + seq}};
}

TEST(PacketJson, TheSeedShowsOnlyOnceThePacketIsFinished) {
  const std::string seed = to_hex(an_order().seed.bytes);
  for (const auto state : {PacketState::kAwaitingPayment, PacketState::kActive}) {
    EXPECT_EQ(json::serialize(packet_json(a_view(state))).find(seed), std::string::npos) << to_text(state);
  }
  for (const auto state : {PacketState::kExhausted, PacketState::kExpired}) {
    EXPECT_EQ(packet_json(a_view(state)).at("seed").as_string(), seed) << to_text(state);
  }
  const PreOrder pre_order{an_order(), "token", ""};
  EXPECT_EQ(json::serialize(packet_json(pre_order, kIds.print(kKey))).find(seed), std::string::npos);
}

TEST(PacketJson, AmountsAreLeftOutForWhomTheyAreHiddenFrom) {
  PacketView view = a_view(PacketState::kActive);
  view.opened_count = 2;
  view.opened_amount = Money(77);
  EXPECT_EQ(packet_json(view).at("total_amount").as_int64(), 100);
  EXPECT_EQ(packet_json(view).at("opened_amount").as_int64(), 77);
  view.shows_amounts = false;
  const auto hidden = packet_json(view);
  EXPECT_FALSE(hidden.contains("total_amount"));
  EXPECT_FALSE(hidden.contains("opened_amount"));
  EXPECT_FALSE(hidden.contains("opened_count"));
  EXPECT_EQ(hidden.at("count"), 3);
}

TEST(PacketJson, AGroupIsNamedWhereThereIsOne) {
  PacketView view = a_view(PacketState::kActive);
  EXPECT_FALSE(packet_json(view).contains("group_id"));
  view.order.group = GroupId::trusted("family");
  EXPECT_EQ(packet_json(view).at("group_id").as_string(), "family");
}

TEST(PacketJson, TheCommitmentShowsAlwaysAndIsTheSeeds) {
  const auto made = to_hex(commitment(an_order().seed, kIds.print(kKey)));
  for (const auto state : {PacketState::kAwaitingPayment, PacketState::kActive, PacketState::kExhausted}) {
    EXPECT_EQ(packet_json(a_view(state)).at("commitment").as_string(), made);
  }
}

TEST(PacketJson, PrintsIdsAmountsAndTimes) {
  const auto out = packet_json(a_view(PacketState::kActive));
  EXPECT_EQ(kIds.parse(std::string(out.at("id").as_string())), kKey);
  EXPECT_EQ(out.at("state").as_string(), "active");
  EXPECT_EQ(out.at("total_amount").as_int64(), 100);
  EXPECT_EQ(out.at("greeting").as_string(), "恭喜\"发财");
  EXPECT_EQ(out.at("created_at").as_string(), "2026-11-22T21:51:07.250Z");
  EXPECT_EQ(out.at("expires_at").as_string(), to_rfc3339(an_order().expires_at));
  EXPECT_FALSE(out.contains("payable_until"));
  EXPECT_FALSE(out.contains("recipient_id"));
  EXPECT_FALSE(out.contains("refunded_amount"));
}

TEST(PacketJson, AnUnpaidPacketSaysUntilWhenItCanBePaidAndNotWhenItWas) {
  const auto out = packet_json(a_view(PacketState::kAwaitingPayment));
  EXPECT_EQ(out.at("payable_until").as_string(), to_rfc3339(an_order().payable_until));
  EXPECT_FALSE(out.contains("paid_at"));
  EXPECT_FALSE(out.contains("expires_at"));
}

TEST(PacketJson, WhatIsKnownOfTheSenderIsShown) {
  PacketView view = a_view(PacketState::kActive);
  EXPECT_FALSE(packet_json(view).contains("sender_nickname"));
  view.sender_profile = make_profile("小红", "https://example.com/a");
  EXPECT_EQ(packet_json(view).at("sender_nickname").as_string(), "小红");
  EXPECT_EQ(packet_json(view).at("sender_avatar").as_string(), "https://example.com/a");
}

TEST(PacketJson, AnExpiredPacketSaysWhatWentBack) {
  PacketView view = a_view(PacketState::kExpired);
  view.refunded_amount = Money(60);
  EXPECT_EQ(packet_json(view).at("refunded_amount").as_int64(), 60);
}

TEST(OpenJson, IsWellFormedForEveryOutcome) {
  const auto opened = json::parse(open_json({OpenOutcome::kOpened, share(2, 33)})).as_object();
  EXPECT_EQ(opened.at("outcome").as_string(), "opened");
  EXPECT_EQ(opened.at("share").at("seq").as_int64(), 2);
  EXPECT_EQ(opened.at("share").at("amount").as_int64(), 33);
  EXPECT_EQ(opened.at("share").at("voucher").as_int64(), 42);
  EXPECT_EQ(opened.at("share").at("opened_at").as_string(), "2026-11-22T21:51:09.000Z");
  for (const auto outcome : {OpenOutcome::kExhausted, OpenOutcome::kExpired}) {
    EXPECT_EQ(json::parse(open_json({outcome})), json::value({{"outcome", to_text(outcome)}}));
  }
}

TEST(GrabJson, IsWellFormedForEveryOutcome) {
  const auto ticket =
      json::parse(grab_json({OpenOutcome::kTicket, "tick-et_", {1'795'384'267'250}, std::nullopt})).as_object();
  EXPECT_EQ(ticket.at("outcome").as_string(), "ticket");
  EXPECT_EQ(ticket.at("ticket").as_string(), "tick-et_");
  EXPECT_EQ(ticket.at("ticket_expires_at").as_string(), "2026-11-22T21:51:07.250Z");
  const auto opened = json::parse(grab_json({.outcome = OpenOutcome::kOpened, .share = share(1, 5)})).as_object();
  EXPECT_EQ(opened.at("share").at("amount").as_int64(), 5);
  for (const auto outcome : {OpenOutcome::kExhausted, OpenOutcome::kExpired, OpenOutcome::kNotForYou}) {
    EXPECT_EQ(json::parse(grab_json({outcome})), json::value({{"outcome", to_text(outcome)}}));
  }
}

TEST(SharesJson, TheLuckiestIsMarkedOnlyWhenItIsKnown) {
  const SharesPage open{.shares = {share(1, 20), share(2, 50)}};
  const json::object printed = shares_json(open);
  for (const auto& entry : printed.at("shares").as_array()) {
    EXPECT_FALSE(entry.as_object().contains("luckiest"));
    EXPECT_EQ(entry.at("user_id").as_string(), "taker");
  }
  const SharesPage finished{.shares = {share(1, 20), share(2, 50)}, .luckiest_seq = 2};
  const auto shares = shares_json(finished).at("shares").as_array();
  EXPECT_FALSE(shares.at(0).at("luckiest").as_bool());
  EXPECT_TRUE(shares.at(1).at("luckiest").as_bool());
}

TEST(SharesJson, WhatIsKnownOfTakersIsShown) {
  const SharesPage page{.shares = {share(1, 5), share(2, 6), share(3, 7)},
                        .profiles = {nullptr, make_profile("小红", ""), make_profile("", "https://example.com/a")}};
  const auto shares = shares_json(page).at("shares").as_array();
  EXPECT_FALSE(shares.at(0).as_object().contains("nickname"));
  EXPECT_FALSE(shares.at(0).as_object().contains("avatar"));
  EXPECT_EQ(shares.at(1).at("nickname").as_string(), "小红");
  EXPECT_FALSE(shares.at(1).as_object().contains("avatar"));
  EXPECT_EQ(shares.at(2).at("avatar").as_string(), "https://example.com/a");
}

TEST(WalletJson, TransfersSayTheirDirection) {
  const UserId alice = UserId::trusted("alice");
  const Transfer in{.id = "deposit:k",
                    .debit = AccountId::channel("bank"),
                    .credit = AccountId::user(alice),
                    .amount = Money(5),
                    .kind = TransferKind::kDeposit};
  const Transfer out{.id = "pay:x",
                     .debit = AccountId::user(alice),
                     .credit = AccountId::escrow(kKey.shard),
                     .amount = Money(3),
                     .kind = TransferKind::kPaid,
                     .packet = kKey};
  const auto transfers = transfers_json({{2, out}, {1, in}}, alice, kIds).at("transfers").as_array();
  EXPECT_EQ(transfers.at(0).at("direction").as_string(), "out");
  EXPECT_EQ(transfers.at(0).at("packet_id").as_string(), kIds.print(kKey));
  EXPECT_EQ(transfers.at(1).at("direction").as_string(), "in");
  EXPECT_FALSE(transfers.at(1).as_object().contains("packet_id"));
}

}  // namespace
}  // namespace hongbao
