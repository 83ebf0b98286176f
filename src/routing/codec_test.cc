// Every call and every answer arrives as it was sent; and what breaks a rule is refused, field by field.
#include "routing/codec.h"

#include <gtest/gtest.h>
#include <packet_calls.pb.h>

#include <functional>

#include "core/limits.h"

namespace hongbao {
namespace {

namespace pb = routing::v1;

const SteadyTime kDeadline{std::chrono::hours(1)};
const PacketKey kKey{{Region::kSouth, 7}, Day{20'779}, LocalNo{12'345}};
constexpr std::string_view kId = "s007-261122-01000003k-4qz8mn2r";

Order an_order() {
  return {.key = kKey,
          .sender = UserId::trusted("alice"),
          .recipient = UserId::trusted("bob"),
          .group = GroupId::trusted("family"),
          .kind = PacketKind::kExclusive,
          .rule = Rule::kEqual,
          .total = Money(300),
          .count = 1,
          .seed = {{9, 8, 7}},
          .created_at = {1'000},
          .payable_until = {2'000},
          .paid_at = {1'500},
          .expires_at = {90'000},
          .send_key = SendKey{1, 2, 3}};
}

SealedOrder a_sealed_order() {
  return {an_order(), "token"};
}

Share a_share(uint32_t seq) {
  return {seq, UserId::trusted("carol"), Money(20), {5'000}, VoucherNo{1ULL << 40}};
}

PacketView a_view() {
  return {.id = std::string(kId),
          .order = an_order(),
          .state = PacketState::kExpired,
          .opened_count = 1,
          .opened_amount = Money(100),
          .refunded_amount = Money(200),
          .greeting = "恭喜",
          .sender_profile = std::make_shared<const Profile>("Alice", "https://example.org/a.png")};
}

std::vector<PacketCall> all_calls() {
  const SendRequest request{.total = Money(500), .count = 5, .greeting = "hello", .group = GroupId::trusted("family")};
  const ChannelPayment payment{"bank", "payment-1", Money(300), a_sealed_order()};
  std::vector<PacketCall> calls;
  calls.push_back({SendCall{UserId::trusted("alice"), "key", request, kKey.shard}, kDeadline});
  calls.push_back({PayCall{UserId::trusted("alice"), kKey, a_sealed_order()}, kDeadline});
  calls.push_back({NotifyCall{payment}, kDeadline, 7, {"t=1,v1=2", "{}"}});
  calls.push_back({GrabCall{UserId::trusted("bob"), kKey}, kDeadline, 8, {.credential = "Bearer token"}});
  calls.push_back({OpenCall{UserId::trusted("bob"), kKey, "ticket"}, kDeadline});
  calls.push_back({ViewCall{UserId::trusted("bob"), kKey}, kDeadline});
  calls.push_back({SharesCall{UserId::trusted("bob"), kKey, 51, 50}, kDeadline, ~uint64_t{5}});
  return calls;
}

std::vector<Result<PacketAnswer>> all_answers() {
  SharesPage page{.shares = {a_share(1), a_share(2)}, .luckiest_seq = 2, .next_seq = 3};
  page.profiles = {nullptr, std::make_shared<const Profile>("Carol", "")};
  std::vector<Result<PacketAnswer>> answers;
  answers.emplace_back(PreOrder{an_order(), "token", "hello"});
  answers.emplace_back(PaymentAnswer{PaymentOutcome::kCreditedToWallet, a_view()});
  answers.emplace_back(GrabAnswer{OpenOutcome::kTicket, "ticket", {7'000}});
  answers.emplace_back(GrabAnswer{.outcome = OpenOutcome::kOpened, .share = a_share(1)});
  answers.emplace_back(GrabAnswer{OpenOutcome::kNotForYou});
  answers.emplace_back(OpenAnswer{OpenOutcome::kOpened, a_share(1)});
  answers.emplace_back(OpenAnswer{OpenOutcome::kExhausted});
  answers.emplace_back(a_view());
  answers.emplace_back(page);
  answers.emplace_back(std::unexpected(Error{ErrorCode::kAlreadySent, "detail", "field", "id"}));
  return answers;
}

template <class Value>
std::string bytes_of(const Value& value) {
  std::string bytes = "left over";
  encode(value, bytes);
  return bytes;
}

TEST(Codec, EveryCallArrivesAsItWasSent) {
  for (const PacketCall& call : all_calls()) {
    const std::string bytes = bytes_of(call);
    const auto arrived = decode_call(bytes, kDeadline);
    ASSERT_TRUE(arrived) << call.what.index();
    EXPECT_EQ(arrived->what.index(), call.what.index());
    EXPECT_EQ(arrived->deadline, kDeadline);
    EXPECT_EQ(arrived->flow, call.flow);
    EXPECT_EQ(arrived->proof.credential, call.proof.credential);
    EXPECT_EQ(arrived->proof.body, call.proof.body);
    EXPECT_EQ(bytes_of(*arrived), bytes);
    EXPECT_EQ(shard_of(*arrived), kKey.shard);
  }
  const auto pay = decode_call(bytes_of(all_calls()[1]), kDeadline);
  EXPECT_EQ(std::get<PayCall>(pay->what).ordered.order, an_order());
  const auto send = decode_call(bytes_of(all_calls()[0]), kDeadline);
  EXPECT_EQ(std::get<SendCall>(send->what).request.greeting, "hello");
  EXPECT_EQ(std::get<SendCall>(send->what).idempotency_key, "key");
  EXPECT_EQ(std::get<SendCall>(send->what).request.group, GroupId::trusted("family"));
}

TEST(Codec, WhatGroupsACallerIsInAndItsHomeDoNotTravel) {
  const Asker asker(UserId::trusted("bob"), std::make_shared<const Groups>(std::vector{GroupId::trusted("family")}),
                    Region::kNorth);
  for (const PacketCall& call : {PacketCall{SendCall{asker, "key", {.total = Money(5), .count = 5}, kKey.shard}},
                                 {GrabCall{asker, kKey}},
                                 {OpenCall{asker, kKey, "ticket"}},
                                 {ViewCall{asker, kKey}},
                                 {SharesCall{asker, kKey}}}) {
    const auto asker_of = [](const PacketCall& of) {
      return std::visit(
          [](const auto& what) {
            if constexpr (requires { what.asker; }) {
              return what.asker;
            } else if constexpr (requires { what.sender; }) {
              return what.sender;
            } else {
              return Asker();
            }
          },
          of.what);
    };
    ASSERT_EQ(asker_of(call).groups, asker.groups);
    auto arrived = decode_call(bytes_of(call), kDeadline);
    ASSERT_TRUE(arrived);
    EXPECT_EQ(asker_of(*arrived).groups, nullptr) << call.what.index();
    EXPECT_EQ(asker_of(*arrived).home, Region::kSouth) << call.what.index();
    set_asker(*arrived, asker.groups, asker.home);
    EXPECT_EQ(asker_of(*arrived).groups, asker.groups) << "as its token says";
    EXPECT_EQ(asker_of(*arrived).home, Region::kNorth);
  }
}

TEST(Codec, EveryAnswerArrivesAsItWasSent) {
  for (const Result<PacketAnswer>& answer : all_answers()) {
    const std::string bytes = bytes_of(answer);
    const auto arrived = decode_answer(bytes);
    ASSERT_TRUE(arrived) << (answer ? answer->index() : 99);
    EXPECT_EQ(arrived->has_value(), answer.has_value());
    EXPECT_EQ(bytes_of(*arrived), bytes);
  }
  const auto view = decode_answer(bytes_of(Result<PacketAnswer>(a_view())));
  EXPECT_EQ(std::get<PacketView>(**view).order, an_order());
  EXPECT_EQ(*std::get<PacketView>(**view).sender_profile, *a_view().sender_profile);
  EXPECT_TRUE(std::get<PacketView>(**view).shows_amounts);
  PacketView hiding = a_view();
  hiding.shows_amounts = false;
  EXPECT_FALSE(std::get<PacketView>(**decode_answer(bytes_of(Result<PacketAnswer>(hiding)))).shows_amounts);
  const auto error = decode_answer(bytes_of(all_answers().back()));
  EXPECT_EQ(error->error().code, ErrorCode::kAlreadySent);
  EXPECT_EQ(error->error().detail + error->error().field + error->error().packet_id, "detailfieldid");
}

TEST(Codec, EveryErrorOfAnAnswerIsToldAsItIs) {
  for (const ErrorCode code : {ErrorCode::kInvalidField,
                               ErrorCode::kForbidden,
                               ErrorCode::kTicketInvalid,
                               ErrorCode::kTicketExpired,
                               ErrorCode::kNotFound,
                               ErrorCode::kNotPaid,
                               ErrorCode::kIdempotencyKeyReused,
                               ErrorCode::kPayTokenInvalid,
                               ErrorCode::kPayTokenExpired,
                               ErrorCode::kAmountMismatch,
                               ErrorCode::kPaymentIdReused,
                               ErrorCode::kAlreadySent,
                               ErrorCode::kInsufficientFunds,
                               ErrorCode::kAccountFrozen,
                               ErrorCode::kTransferIdReused,
                               ErrorCode::kOverloaded,
                               ErrorCode::kPacketBusy,
                               ErrorCode::kUnavailable,
                               ErrorCode::kDeadlineExceeded,
                               ErrorCode::kOutcomeUnknown,
                               ErrorCode::kShuttingDown,
                               ErrorCode::kSwitchedOff,
                               ErrorCode::kFenced,
                               ErrorCode::kStorage,
                               ErrorCode::kInternal}) {
    const auto arrived = decode_answer(bytes_of(Result<PacketAnswer>(fail(code))));
    ASSERT_TRUE(arrived && !*arrived);
    EXPECT_EQ(arrived->error().code, code);
  }
}

TEST(Codec, WhatIsNoMessageIsRefused) {
  for (const std::string_view bytes :
       {std::string_view(), std::string_view("\xff\xff"), std::string_view("\x0a\x05")}) {
    EXPECT_FALSE(decode_call(bytes, kDeadline));
    EXPECT_FALSE(decode_answer(bytes));
  }
}

// Messages that were good before `spoil` changed one thing in them.
template <class Message>
std::string spoiled(const std::string& good, const std::function<void(Message&)>& spoil) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(good));
  spoil(message);
  return message.SerializeAsString();
}

TEST(Codec, ACallThatBreaksARuleIsRefused) {
  const auto calls = all_calls();
  const auto refused = [&](size_t index, const std::function<void(pb::Call&)>& spoil) {
    EXPECT_FALSE(decode_call(spoiled<pb::Call>(bytes_of(calls[index]), spoil), kDeadline)) << index;
  };
  refused(0, [](pb::Call& call) { call.mutable_send()->set_sender("not a user id"); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_idempotency_key(""); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_idempotency_key(std::string(65, 'x')); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_shard("x007"); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_kind(4); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_rule(0); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_count(0); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_count(kSharesPerPacketMax + 1); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_total_fen(4); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_total_fen(INT64_MAX); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_greeting("\xff"); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_recipient("bob"); });
  refused(0, [](pb::Call& call) { call.mutable_send()->set_group("a b"); });
  refused(1, [](pb::Call& call) { call.mutable_pay()->set_user(""); });
  refused(1, [](pb::Call& call) { call.mutable_pay()->clear_packet(); });
  refused(1, [](pb::Call& call) { call.mutable_pay()->mutable_packet()->set_local(1ULL << LocalNo::kBits); });
  refused(1, [](pb::Call& call) { call.mutable_pay()->mutable_packet()->set_day(10'956); });
  refused(1, [](pb::Call& call) { call.mutable_pay()->mutable_packet()->set_day(47'482); });
  refused(1, [](pb::Call& call) { call.mutable_pay()->mutable_ordered()->set_pay_token(""); });
  refused(1, [](pb::Call& call) { call.mutable_pay()->mutable_ordered()->set_pay_token(std::string(2'049, 'x')); });
  for (const std::function<void(pb::Order&)>& spoil : std::initializer_list<std::function<void(pb::Order&)>>{
           [](pb::Order& order) { order.set_sender(""); }, [](pb::Order& order) { order.set_recipient(""); },
           [](pb::Order& order) { order.set_kind(0); }, [](pb::Order& order) { order.set_rule(4); },
           [](pb::Order& order) { order.set_count(2); }, [](pb::Order& order) { order.set_total_fen(0); },
           [](pb::Order& order) { order.set_total_fen(-1); }, [](pb::Order& order) { order.set_total_fen(20'001); },
           [](pb::Order& order) { order.set_seed("short"); }, [](pb::Order& order) { order.set_send_key("short"); },
           [](pb::Order& order) { order.set_group(std::string(65, 'x')); },
           [](pb::Order& order) { order.set_created_at_ms(-1); },
           [](pb::Order& order) { order.set_payable_until_ms(INT64_MAX); },
           [](pb::Order& order) { order.set_expires_at_ms(253'402'300'800'000); }}) {
    refused(1, [&](pb::Call& call) { spoil(*call.mutable_pay()->mutable_ordered()->mutable_order()); });
    refused(2, [&](pb::Call& call) { spoil(*call.mutable_notify()->mutable_ordered()->mutable_order()); });
  }
  refused(2, [](pb::Call& call) { call.mutable_notify()->set_channel("a/b"); });
  refused(2, [](pb::Call& call) { call.mutable_notify()->set_payment_id("a b"); });
  refused(2, [](pb::Call& call) { call.mutable_notify()->set_amount_fen(0); });
  refused(2, [](pb::Call& call) { call.mutable_notify()->set_amount_fen(INT64_MIN); });
  refused(3, [](pb::Call& call) { call.mutable_grab()->mutable_packet()->set_shard("s7"); });
  refused(4, [](pb::Call& call) { call.mutable_open()->set_user(std::string(65, 'x')); });
  refused(4, [](pb::Call& call) { call.mutable_open()->set_ticket(std::string(2'049, 'x')); });
  refused(5, [](pb::Call& call) { call.mutable_view()->clear_packet(); });
  refused(5, [](pb::Call& call) { call.mutable_view()->clear_user(); });
  refused(6, [](pb::Call& call) { call.mutable_shares()->set_user("a b"); });
  refused(6, [](pb::Call& call) { call.mutable_shares()->set_seq(0); });
  refused(6, [](pb::Call& call) { call.mutable_shares()->set_seq(kSharesPerPacketMax + 1); });
  refused(6, [](pb::Call& call) { call.mutable_shares()->set_shares_max(0); });
  refused(6, [](pb::Call& call) { call.mutable_shares()->set_shares_max(kSharesPageMax + 1); });
}

TEST(Codec, AnAnswerThatBreaksARuleIsRefused) {
  const auto answers = all_answers();
  const auto refused = [&](size_t index, const std::function<void(pb::Answer&)>& spoil) {
    EXPECT_FALSE(decode_answer(spoiled<pb::Answer>(bytes_of(answers[index]), spoil))) << index;
  };
  refused(0, [](pb::Answer& answer) { answer.mutable_pre_order()->clear_ordered(); });
  refused(1, [](pb::Answer& answer) { answer.mutable_paid()->set_outcome(0); });
  refused(1, [](pb::Answer& answer) { answer.mutable_paid()->set_outcome(3); });
  refused(2, [](pb::Answer& answer) { answer.mutable_grabbed()->set_ticket(""); });
  refused(2, [](pb::Answer& answer) { answer.mutable_grabbed()->set_ticket_expires_at_ms(-1); });
  refused(3, [](pb::Answer& answer) { answer.mutable_grabbed()->clear_share(); });
  refused(3, [](pb::Answer& answer) { answer.mutable_grabbed()->mutable_share()->set_seq(0); });
  refused(4, [](pb::Answer& answer) { answer.mutable_grabbed()->set_outcome(6); });
  refused(5, [](pb::Answer& answer) { answer.mutable_opened()->clear_share(); });
  refused(5, [](pb::Answer& answer) { answer.mutable_opened()->mutable_share()->set_user("?"); });
  refused(5, [](pb::Answer& answer) { answer.mutable_opened()->mutable_share()->set_amount_fen(20'001); });
  refused(5, [](pb::Answer& answer) { answer.mutable_opened()->mutable_share()->set_voucher(0); });
  refused(6, [](pb::Answer& answer) { answer.mutable_opened()->set_outcome(1); });
  refused(6, [](pb::Answer& answer) { answer.mutable_opened()->set_outcome(5); });
  refused(7, [](pb::Answer& answer) { answer.mutable_view()->set_id("s007"); });
  refused(7, [](pb::Answer& answer) { answer.mutable_view()->set_state(5); });
  refused(7, [](pb::Answer& answer) { answer.mutable_view()->set_opened_count(2); });
  refused(7, [](pb::Answer& answer) { answer.mutable_view()->set_refunded_fen(-1); });
  refused(7, [](pb::Answer& answer) {
    answer.mutable_view()->mutable_sender_profile()->set_avatar(std::string(513, 'x'));
  });
  refused(8, [](pb::Answer& answer) { answer.mutable_shares()->set_next_seq(kSharesPerPacketMax + 1); });
  refused(8, [](pb::Answer& answer) { answer.mutable_shares()->mutable_shares(1)->set_seq(0); });
  refused(9, [](pb::Answer& answer) { answer.mutable_failure()->set_code(0); });
  refused(9, [](pb::Answer& answer) { answer.mutable_failure()->set_code(33); });
}

}  // namespace
}  // namespace hongbao
