// The contract of ports/ledger_store.h.
#include "ports/ledger_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/backends.h"
#include "contract/values.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const AccountId kAnn = AccountId::user(user("ann"));
const AccountId kBob = AccountId::user(user("bob"));
const AccountId kChannel = AccountId::channel("bank");
const AccountId kEscrow = AccountId::escrow(kShard);

Transfer deposit(const std::string& id, const AccountId& to, int64_t amount) {
  return {
      .id = id, .debit = kChannel, .credit = to, .amount = Money(amount), .kind = TransferKind::kDeposit, .at = kNoon};
}
Transfer payment(const std::string& id, const AccountId& from, const PacketKey& packet, int64_t amount,
                 Timestamp at = kNoon) {
  return {.id = id,
          .debit = from,
          .credit = AccountId::escrow(packet.shard),
          .amount = Money(amount),
          .kind = TransferKind::kPaid,
          .packet = packet,
          .at = at};
}

class LedgerStoreContract : public testing::TestWithParam<BackendMaker<LedgerStore>> {
 protected:
  LedgerStore& store() { return backend_->store(); }

  LedgerResult commit(std::vector<Posting> postings, std::vector<Settlement> settlements = {},
                      std::vector<DeferredTransfer> retries = {}, Timestamp now = kNoon) {
    return store()
        .commit({.postings = std::move(postings),
                 .settlements = std::move(settlements),
                 .retries = std::move(retries),
                 .now = now})
        .value();
  }
  Posted post(const Transfer& transfer, const std::string& pay_token = {}, std::optional<SendKey> send_key = {}) {
    return commit({{transfer, pay_token, send_key}}).postings.at(0);
  }
  bool settle(uint64_t from, std::vector<Voucher> vouchers, Timestamp now = kNoon) {
    return commit({}, {{kShard, {from}, std::move(vouchers)}}, {}, now).settlements.at(0) == SettleOutcome::kSettled;
  }
  void fund(const AccountId& account, int64_t amount) {
    ASSERT_EQ(post(deposit("fund:" + account.text(), account, amount)), PostOutcome::kPosted);
  }
  Money balance(const AccountId& account) { return store().account(account).value().balance(); }
  LedgerTotals::Shard shard_totals() { return store().totals({kShard}).value().shards.at(0); }
  void expect_books_balance() {
    const auto totals = store().totals({kShard, kOtherShard}).value();
    EXPECT_EQ(totals.sum_over_accounts, Money(0));
    EXPECT_EQ(totals.sum_over_transfers, totals.debits_posted);
    EXPECT_EQ(totals.sum_over_transfers, totals.credits_posted);
    EXPECT_EQ(totals.accounts_negative, 0U);
  }

  std::unique_ptr<LedgerBackend> backend_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Adapters, LedgerStoreContract, testing::ValuesIn(ledger_backends()),
                         backend_name<LedgerStore>);

TEST_P(LedgerStoreContract, AnEmptyLedgerReadsAsZero) {
  EXPECT_EQ(balance(kAnn), Money(0));
  EXPECT_EQ(store().account(kAnn).value().id, kAnn);
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{1});
  EXPECT_FALSE(store().transfer("none").value().has_value());
  EXPECT_THAT(store().transfers(kAnn, kListTop, 10).value(), IsEmpty());
  const auto totals = store().totals({kShard}).value();
  EXPECT_EQ(totals.accounts, 0U);
  EXPECT_EQ(totals.shards.at(0).cursor, VoucherNo{1});
}

TEST_P(LedgerStoreContract, APostedTransferMovesBothAccounts) {
  EXPECT_EQ(post(deposit("d1", kAnn, 100)), PostOutcome::kPosted);
  EXPECT_EQ(balance(kAnn), Money(100));
  EXPECT_EQ(balance(kChannel), Money(-100));
  const auto posted = store().transfer("d1").value();
  ASSERT_TRUE(posted.has_value());
  EXPECT_TRUE(posted->same_content(deposit("d1", kAnn, 100)));
  EXPECT_EQ(posted->at, kNoon);
  expect_books_balance();
}

TEST_P(LedgerStoreContract, ARepeatedPostingIsADuplicateAndChangesNothing) {
  ASSERT_EQ(post(deposit("d1", kAnn, 100)), PostOutcome::kPosted);
  Transfer later = deposit("d1", kAnn, 100);
  later.at = kNoon + seconds(9);  // not part of its identity
  EXPECT_EQ(post(later), PostOutcome::kDuplicate);
  EXPECT_EQ(balance(kAnn), Money(100));
  EXPECT_EQ(store().totals({}).value().transfers, 1U);
}

TEST_P(LedgerStoreContract, AnIdWithOtherContentIsRefused) {
  ASSERT_EQ(post(deposit("d1", kAnn, 100)), PostOutcome::kPosted);
  EXPECT_EQ(post(deposit("d1", kAnn, 101)), PostOutcome::kIdReused);
  EXPECT_EQ(post(deposit("d1", kBob, 100)), PostOutcome::kIdReused);
  EXPECT_EQ(balance(kAnn), Money(100));
  EXPECT_EQ(balance(kBob), Money(0));
}

TEST_P(LedgerStoreContract, APostingRepeatedInOneBatchIsADuplicate) {
  const auto result = commit({{deposit("d1", kAnn, 100)}, {deposit("d1", kAnn, 100)}, {deposit("d1", kAnn, 5)}});
  EXPECT_THAT(result.postings, ElementsAre(PostOutcome::kPosted, PostOutcome::kDuplicate, PostOutcome::kIdReused));
  EXPECT_EQ(balance(kAnn), Money(100));
}

TEST_P(LedgerStoreContract, AWalletCanNotGoNegativeAndARefusedPartDoesNotHoldBackTheOthers) {
  fund(kAnn, 100);
  const auto result = commit({{payment("p1", kAnn, key(1), 60), "t1"},
                              {payment("p2", kAnn, key(2), 60), "t2"},
                              {payment("p3", kAnn, key(3), 40), "t3"},
                              {payment("p4", kBob, key(4), 1), "t4"}});
  EXPECT_THAT(result.postings, ElementsAre(PostOutcome::kPosted, PostOutcome::kInsufficient, PostOutcome::kPosted,
                                           PostOutcome::kInsufficient));
  EXPECT_EQ(balance(kAnn), Money(0));
  EXPECT_EQ(balance(kEscrow), Money(100));
  EXPECT_EQ(shard_totals().pending_count, 2U);
  EXPECT_FALSE(store().transfer("p2").value().has_value());
  expect_books_balance();
}

TEST_P(LedgerStoreContract, MoneyThatArrivesInABatchCanBeSpentInIt) {
  const auto result = commit({{deposit("d1", kAnn, 50)}, {payment("p1", kAnn, key(1), 50), "t1"}});
  EXPECT_THAT(result.postings, ElementsAre(PostOutcome::kPosted, PostOutcome::kPosted));
  EXPECT_EQ(balance(kAnn), Money(0));
}

TEST_P(LedgerStoreContract, AFrozenAccountNeitherPaysNorReceives) {
  fund(kAnn, 100);
  ASSERT_TRUE(store().set_frozen(kAnn, true).has_value());
  EXPECT_TRUE(store().account(kAnn).value().frozen);
  EXPECT_EQ(post(payment("p1", kAnn, key(1), 10), "t1"), PostOutcome::kFrozen);
  EXPECT_EQ(post(deposit("d2", kAnn, 10)), PostOutcome::kFrozen);
  ASSERT_TRUE(store().set_frozen(kAnn, false).has_value());
  EXPECT_FALSE(store().account(kAnn).value().frozen);
  EXPECT_EQ(post(deposit("d2", kAnn, 10)), PostOutcome::kPosted);
  EXPECT_EQ(balance(kAnn), Money(110));
}

TEST_P(LedgerStoreContract, FreezingMakesAnAccountThatDoesNotExist) {
  ASSERT_TRUE(store().set_frozen(kBob, true).has_value());
  EXPECT_TRUE(store().account(kBob).value().frozen);
  EXPECT_EQ(store().totals({}).value().accounts, 1U);
  EXPECT_EQ(post(deposit("d1", kBob, 10)), PostOutcome::kFrozen);
}

TEST_P(LedgerStoreContract, FrozenUsersAreListedById) {
  EXPECT_THAT(store().frozen(10).value(), IsEmpty());
  fund(kAnn, 100);
  for (const AccountId& account : {kBob, kAnn, kChannel, kBob}) {
    ASSERT_TRUE(store().set_frozen(account, true).has_value());
  }
  EXPECT_THAT(store().frozen(10).value(), ElementsAre(kAnn.owner(), kBob.owner()));
  EXPECT_THAT(store().frozen(1).value(), SizeIs(1));
  backend_->reopen();
  ASSERT_TRUE(store().set_frozen(kAnn, false).has_value());
  ASSERT_TRUE(store().set_frozen(kAnn, false).has_value());
  EXPECT_THAT(store().frozen(10).value(), ElementsAre(kBob.owner()));
}

TEST_P(LedgerStoreContract, AMoveKeepsAnAccountUnfrozenOrFrozenAsItWas) {
  fund(kAnn, 100);
  ASSERT_TRUE(store().set_frozen(kAnn, true).has_value());
  ASSERT_EQ(post(deposit("d2", kBob, 10)), PostOutcome::kPosted);
  EXPECT_TRUE(store().account(kAnn).value().frozen);
  EXPECT_EQ(balance(kAnn), Money(100));
}

TEST_P(LedgerStoreContract, APacketIsPaidAtMostOnce) {
  fund(kAnn, 500);
  EXPECT_EQ(post(payment("p1", kAnn, key(1), 100), "token"), PostOutcome::kPosted);
  EXPECT_EQ(post(payment("p2", kAnn, key(1), 100), "token"), PostOutcome::kAlreadyPaid);
  EXPECT_EQ(post(payment("channel:x", kChannel, key(1), 100), "token"), PostOutcome::kAlreadyPaid);
  EXPECT_EQ(post(payment("p1", kAnn, key(1), 100), "token"), PostOutcome::kDuplicate);
  EXPECT_EQ(post(payment("p1", kAnn, key(2), 100), "token"), PostOutcome::kIdReused);
  EXPECT_EQ(balance(kAnn), Money(400));
  EXPECT_EQ(shard_totals().pending, Money(100));
}

TEST_P(LedgerStoreContract, OfOneSendsPacketsOneIsPaid) {
  fund(kAnn, 500);
  const SendKey send{1, 2, 3};
  EXPECT_EQ(post(payment("p1", kAnn, key(1), 100), "token", send), PostOutcome::kPosted);
  const Posted first{PostOutcome::kAlreadyPaid, key(1)};
  EXPECT_EQ(post(payment("p2", kAnn, key(2), 100), "token", send), first);
  EXPECT_EQ(post(payment("p3", kAnn, key(2, kToday, kOtherShard), 70), "token", send), first) << "another shard's";
  EXPECT_EQ(post(payment("channel:x", kChannel, key(2), 100), "token", send), first);
  EXPECT_EQ(post(payment("channel:y", kChannel, key(1), 100), "token", send), first) << "the same packet";
  EXPECT_EQ(post(payment("p1", kAnn, key(1), 100), "token", send), PostOutcome::kDuplicate);
  EXPECT_EQ(post(payment("p4", kAnn, key(2), 100), "token", SendKey{1, 2, 4}), PostOutcome::kPosted) << "another send";
  EXPECT_EQ(balance(kAnn), Money(300));
  EXPECT_EQ(shard_totals().pending, Money(200));
  // For as long as the payment is there, which is for good.
  EXPECT_TRUE(settle(1, {paid(1, order(key(1), 100, 3))}));
  EXPECT_EQ(post(payment("p5", kAnn, key(3), 100), "token", send), first);
  expect_books_balance();
}

TEST_P(LedgerStoreContract, OfOneSendsPacketsInOneBatchTheFirstIsPaid) {
  fund(kAnn, 500);
  const SendKey send{7};
  const auto result = commit({{payment("p1", kAnn, key(1), 100), "token", send},
                              {payment("p2", kAnn, key(2), 100), "token", send},
                              {payment("channel:x", kChannel, key(3), 100), "token", send}});
  const Posted first{PostOutcome::kAlreadyPaid, key(1)};
  EXPECT_THAT(result.postings, ElementsAre(Posted{PostOutcome::kPosted}, first, first));
  EXPECT_EQ(balance(kAnn), Money(400));
}

TEST_P(LedgerStoreContract, ARefusedPaymentLeavesTheSendFreeForAnother) {
  fund(kAnn, 100);
  const SendKey send{9};
  EXPECT_EQ(post(payment("p1", kBob, key(1), 100), "token", send), PostOutcome::kInsufficient);
  EXPECT_EQ(post(payment("p2", kAnn, key(2), 100), "token", send), PostOutcome::kPosted);
}

// An id that was given out twice, for two orders.
TEST_P(LedgerStoreContract, ThePacketOfAnotherSendIsNotPaid) {
  fund(kAnn, 500);
  EXPECT_EQ(post(payment("p1", kAnn, key(1), 100), "token", SendKey{1}), PostOutcome::kPosted);
  EXPECT_EQ(post(payment("channel:x", kChannel, key(1), 100), "token", SendKey{2}), PostOutcome::kIdReused);
  EXPECT_EQ(post(payment("channel:y", kChannel, key(1), 100), "token"), PostOutcome::kIdReused);
  EXPECT_EQ(shard_totals().pending, Money(100));
}

TEST_P(LedgerStoreContract, AnAccountTakesNoMoreThanSumsHold) {
  EXPECT_EQ(post(deposit("d1", kAnn, kPostedMax.fen())), PostOutcome::kPosted);
  EXPECT_EQ(post(deposit("d2", kAnn, 1)), PostOutcome::kTooMuch);
  EXPECT_EQ(post(deposit("d3", kBob, 1)), PostOutcome::kTooMuch) << "the channel is full as well";
  EXPECT_EQ(post(payment("p1", kAnn, key(1), 100), "token"), PostOutcome::kPosted);
  EXPECT_EQ(balance(kAnn), kPostedMax - Money(100));
  expect_books_balance();
}

TEST_P(LedgerStoreContract, WhatIsPaidInOnADayHasALimitThatOutlivesAReopen) {
  const auto deposited = [this](const std::string& id, int64_t amount, Day day) {
    return commit({{.transfer = deposit(id, kAnn, amount), .daily_limit = DailyLimit{day, Money(100)}}}).postings.at(0);
  };
  const Day tomorrow{kToday.since_epoch + 1};
  EXPECT_EQ(deposited("d1", 101, kToday), PostOutcome::kOverDailyLimit);
  EXPECT_EQ(deposited("d1", 60, kToday), PostOutcome::kPosted) << "what was refused has taken no id, and no part";
  EXPECT_EQ(deposited("d2", 41, kToday), PostOutcome::kOverDailyLimit);
  backend_->reopen();
  EXPECT_EQ(deposited("d3", 41, kToday), PostOutcome::kOverDailyLimit);
  EXPECT_EQ(deposited("d4", 40, kToday), PostOutcome::kPosted);
  EXPECT_EQ(deposited("d1", 60, kToday), PostOutcome::kDuplicate) << "answered as before, and counted once";
  EXPECT_EQ(deposited("d1", 60, tomorrow), PostOutcome::kDuplicate);
  EXPECT_EQ(deposited("d5", 1, kToday), PostOutcome::kOverDailyLimit);
  EXPECT_EQ(deposited("d5", 100, tomorrow), PostOutcome::kPosted);
  EXPECT_EQ(balance(kAnn), Money(200));
  expect_books_balance();
}

TEST_P(LedgerStoreContract, DepositsOfOneBatchShareTheDaysLimit) {
  const auto limited = [](const std::string& id, const AccountId& to, int64_t amount) {
    return Posting{.transfer = deposit(id, to, amount), .daily_limit = DailyLimit{kToday, Money(100)}};
  };
  ASSERT_TRUE(store().set_frozen(kBob, true).has_value());
  const auto result = commit({limited("d1", kAnn, 70), limited("d2", kBob, 30), limited("d3", kAnn, 31),
                              limited("d1", kAnn, 70), limited("d4", kAnn, 30)});
  EXPECT_THAT(result.postings, ElementsAre(PostOutcome::kPosted, PostOutcome::kFrozen, PostOutcome::kOverDailyLimit,
                                           PostOutcome::kDuplicate, PostOutcome::kPosted));
  EXPECT_EQ(commit({limited("d5", kAnn, 1)}).postings.at(0), PostOutcome::kOverDailyLimit);
  EXPECT_EQ(balance(kAnn), Money(100));
  expect_books_balance();
}

TEST_P(LedgerStoreContract, ARefusedPaymentLeavesThePacketFreeForAnother) {
  fund(kAnn, 100);
  EXPECT_EQ(post(payment("p1", kBob, key(1), 100), "token"), PostOutcome::kInsufficient);
  EXPECT_THAT(store().pending(kShard, kNoon, 10).value(), IsEmpty());
  EXPECT_EQ(post(payment("p2", kAnn, key(1), 100), "token"), PostOutcome::kPosted);
}

TEST_P(LedgerStoreContract, APaymentIsPendingUntilItsVoucherIsSettled) {
  fund(kAnn, 500);
  ASSERT_EQ(post(payment("p1", kAnn, key(1), 100), "the order"), PostOutcome::kPosted);
  const auto pending = store().pending(kShard, kNoon, 10).value();
  ASSERT_THAT(pending, SizeIs(1));
  EXPECT_EQ(pending[0].packet, key(1));
  EXPECT_EQ(pending[0].amount, Money(100));
  EXPECT_EQ(pending[0].pay_token, "the order");
  EXPECT_EQ(pending[0].at, kNoon);
  EXPECT_EQ(shard_totals().pending_count, 1U);

  EXPECT_THAT(store().unpaid({}).value(), IsEmpty());
  EXPECT_THAT(store().unpaid({key(2), key(1), key(1, kToday, kOtherShard)}).value(),
              ElementsAre(key(2), key(1, kToday, kOtherShard)));
  EXPECT_TRUE(settle(1, {paid(1, order(key(1), 100, 3))}));
  EXPECT_THAT(store().unpaid({key(1), key(2)}).value(), ElementsAre(key(2)));
  EXPECT_THAT(store().pending(kShard, kNoon, 10).value(), IsEmpty());
  EXPECT_EQ(shard_totals().pending, Money(0));
  EXPECT_EQ(shard_totals().pending_count, 0U);
  EXPECT_EQ(balance(kEscrow), Money(100));
  // Settled, but still paid.
  EXPECT_EQ(post(payment("p2", kAnn, key(1), 100), "token"), PostOutcome::kAlreadyPaid);
  EXPECT_EQ(post(payment("p1", kAnn, key(1), 100), "the order"), PostOutcome::kDuplicate);
  EXPECT_THAT(store().pending(kShard, kNoon, 10).value(), IsEmpty());
}

TEST_P(LedgerStoreContract, PendingPaymentsComeOldestFirstUpToATime) {
  fund(kAnn, 500);
  ASSERT_EQ(post(payment("p1", kAnn, key(1), 10, kNoon + seconds(3)), "t1"), PostOutcome::kPosted);
  ASSERT_EQ(post(payment("p2", kAnn, key(2), 20, kNoon + seconds(1)), "t2"), PostOutcome::kPosted);
  ASSERT_EQ(post(payment("p4", kAnn, key(2, kToday, kOtherShard), 20, kNoon), "t4"), PostOutcome::kPosted);
  ASSERT_EQ(post(payment("p3", kAnn, key(3), 30, kNoon + seconds(2)), "t3"), PostOutcome::kPosted);
  const auto tokens = [&](Timestamp until, size_t payments_max) {
    std::vector<std::string> found;
    const auto all = store().pending(kShard, until, payments_max).value();
    for (const auto& pending : all) {
      found.push_back(pending.pay_token);
    }
    return found;
  };
  EXPECT_THAT(tokens(kNoon + seconds(3), 10), ElementsAre("t2", "t3", "t1"));
  EXPECT_THAT(tokens(kNoon + seconds(2), 10), ElementsAre("t2", "t3"));
  EXPECT_THAT(tokens(kNoon + seconds(3), 1), ElementsAre("t2"));
  EXPECT_EQ(store().totals({kOtherShard}).value().shards.at(0).pending, Money(20));
  EXPECT_EQ(shard_totals().pending, Money(60));
}

TEST_P(LedgerStoreContract, SettledVouchersMoveMoneyFromEscrow) {
  fund(kAnn, 100);
  ASSERT_EQ(post(payment("p1", kAnn, key(1), 100), "t"), PostOutcome::kPosted);
  EXPECT_TRUE(
      settle(1, {paid(1, order(key(1), 100, 3)), opened(2, key(1), 1, "bob", 30), refunded(3, key(1), "ann", 70)}));
  EXPECT_EQ(balance(kBob), Money(30));
  EXPECT_EQ(balance(kAnn), Money(70));
  EXPECT_EQ(balance(kEscrow), Money(0));
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{4});
  const auto transfer = store().transfer(voucher_transfer_id(kShard, {2})).value();
  ASSERT_TRUE(transfer.has_value());
  EXPECT_TRUE(transfer->same_content(effect_of(opened(2, key(1), 1, "bob", 30), {}).transfer.value()));
  expect_books_balance();
}

TEST_P(LedgerStoreContract, APaidVoucherWithoutAPaymentStillMovesTheCursor) {
  EXPECT_TRUE(settle(1, {paid(1, order(key(1), 100, 3))}));
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{2});
}

TEST_P(LedgerStoreContract, APieceThatDoesNotStartAtTheCursorIsNotApplied) {
  fund(kEscrow, 100);
  ASSERT_TRUE(settle(1, {opened(1, key(1), 1, "ann", 10), opened(2, key(1), 2, "bob", 10)}));
  EXPECT_FALSE(settle(1, {opened(1, key(1), 1, "ann", 10), opened(2, key(1), 2, "bob", 10)}));  // repeated
  EXPECT_FALSE(settle(2, {opened(2, key(1), 2, "bob", 10), opened(3, key(1), 3, "bob", 10)}));  // overlapping
  EXPECT_FALSE(settle(4, {opened(4, key(1), 4, "ann", 10)}));                                   // after a gap
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{3});
  EXPECT_EQ(balance(kAnn), Money(10));
  EXPECT_EQ(balance(kBob), Money(10));
}

TEST_P(LedgerStoreContract, OneBatchSettlesSeveralPiecesAndShards) {
  fund(kEscrow, 100);
  fund(AccountId::escrow(kOtherShard), 100);
  const auto other = [](uint64_t no) { return opened(no, key(1, kToday, kOtherShard), 1, "bob", 5); };
  const auto result = commit({}, {{kShard, {1}, {opened(1, key(1), 1, "ann", 10)}},
                                  {kOtherShard, {2}, {other(2)}},  // not yet
                                  {kShard, {2}, {opened(2, key(1), 2, "bob", 10)}},
                                  {kOtherShard, {1}, {other(1)}}});
  EXPECT_THAT(result.settlements, ElementsAre(SettleOutcome::kSettled, SettleOutcome::kElsewhere,
                                              SettleOutcome::kSettled, SettleOutcome::kSettled));
  EXPECT_EQ(balance(kBob), Money(15));
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{3});
  EXPECT_EQ(store().cursor(kOtherShard).value(), VoucherNo{2});
}

TEST_P(LedgerStoreContract, PostingsAreDecidedBeforeSettlements) {
  const auto result = commit({{deposit("d1", kEscrow, 10)}}, {{kShard, {1}, {opened(1, key(1), 1, "ann", 10)}}});
  EXPECT_THAT(result.settlements, ElementsAre(SettleOutcome::kSettled));
  EXPECT_EQ(balance(kAnn), Money(10));
  EXPECT_EQ(shard_totals().deferred_count, 0U);
}

TEST_P(LedgerStoreContract, ARefusedSettlementIsDeferredAndDoesNotBlockTheNext) {
  fund(kEscrow, 100);
  ASSERT_TRUE(store().set_frozen(kAnn, true).has_value());
  EXPECT_TRUE(settle(1, {opened(1, key(1), 1, "ann", 30), opened(2, key(1), 2, "bob", 20)}, kNoon));
  EXPECT_EQ(balance(kAnn), Money(0));
  EXPECT_EQ(balance(kBob), Money(20));
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{3});
  EXPECT_EQ(shard_totals().deferred, Money(30));
  EXPECT_EQ(shard_totals().deferred_count, 1U);
  EXPECT_EQ(store().totals({kOtherShard}).value().shards.at(0).deferred_count, 0U);

  EXPECT_THAT(store().deferred(kShard, kNoon + milliseconds(999), 10).value(), IsEmpty());
  const auto deferred = store().deferred(kShard, kNoon + milliseconds(1000), 10).value();
  ASSERT_THAT(deferred, SizeIs(1));
  EXPECT_TRUE(deferred[0].transfer.same_content(effect_of(opened(1, key(1), 1, "ann", 30), {}).transfer.value()));
  EXPECT_EQ(deferred[0].transfer.id, voucher_transfer_id(kShard, {1}));
  EXPECT_EQ(deferred[0].reason, TransferVerdict::kFrozen);
  EXPECT_EQ(deferred[0].attempts, 0U);
  EXPECT_EQ(deferred[0].next_at, kNoon + milliseconds(1000));
}

TEST_P(LedgerStoreContract, AnEmptyEscrowDefersASettlement) {
  EXPECT_TRUE(settle(1, {opened(1, key(1), 1, "ann", 30)}));
  const auto deferred = store().deferred(kShard, kNoon + seconds(1), 10).value();
  ASSERT_THAT(deferred, SizeIs(1));
  EXPECT_EQ(deferred[0].reason, TransferVerdict::kInsufficient);
  expect_books_balance();
}

TEST_P(LedgerStoreContract, ARetryThatIsRefusedAgainWaitsUntilItsGivenTime) {
  fund(kEscrow, 100);
  ASSERT_TRUE(store().set_frozen(kAnn, true).has_value());
  ASSERT_TRUE(settle(1, {opened(1, key(1), 1, "ann", 30)}));
  auto retry = store().deferred(kShard, kNoon + seconds(1), 10).value().at(0);
  retry.next_at = kNoon + seconds(60);
  EXPECT_THAT(commit({}, {}, {retry}).retries, ElementsAre(RetryOutcome::kDeferred));
  EXPECT_THAT(commit({}, {}, {retry}).retries,
              ElementsAre(RetryOutcome::kDeferred));  // repeated after an error: counts once
  EXPECT_THAT(store().deferred(kShard, kNoon + seconds(59), 10).value(), IsEmpty());
  const auto again = store().deferred(kShard, kNoon + seconds(60), 10).value();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].attempts, 1U);
  EXPECT_EQ(again[0].next_at, kNoon + seconds(60));
}

TEST_P(LedgerStoreContract, ARetryThatIsPostedIsNoLongerDeferred) {
  fund(kEscrow, 100);
  ASSERT_TRUE(store().set_frozen(kAnn, true).has_value());
  ASSERT_TRUE(settle(1, {opened(1, key(1), 1, "ann", 30)}));
  ASSERT_TRUE(store().set_frozen(kAnn, false).has_value());
  const auto retry = store().deferred(kShard, kNoon + seconds(1), 10).value().at(0);
  EXPECT_THAT(commit({}, {}, {retry}).retries, ElementsAre(RetryOutcome::kPosted));
  EXPECT_EQ(balance(kAnn), Money(30));
  EXPECT_EQ(shard_totals().deferred_count, 0U);
  // The same batch again, as after a lost answer.
  EXPECT_THAT(commit({}, {}, {retry}).retries, ElementsAre(RetryOutcome::kPosted));
  EXPECT_EQ(balance(kAnn), Money(30));
  expect_books_balance();
}

TEST_P(LedgerStoreContract, DeferredTransfersComeOldestFirst) {
  ASSERT_TRUE(settle(1, {opened(1, key(1), 1, "ann", 30)}, kNoon + seconds(5)));
  ASSERT_TRUE(settle(2, {opened(2, key(1), 2, "bob", 30)}, kNoon));
  const auto ids = [&](size_t transfers_max) {
    std::vector<std::string> found;
    const auto all = store().deferred(kShard, kNoon + seconds(9), transfers_max).value();
    for (const auto& deferred : all) {
      found.push_back(deferred.transfer.id);
    }
    return found;
  };
  EXPECT_THAT(ids(10), ElementsAre(voucher_transfer_id(kShard, {2}), voucher_transfer_id(kShard, {1})));
  EXPECT_THAT(ids(1), ElementsAre(voucher_transfer_id(kShard, {2})));
}

TEST_P(LedgerStoreContract, AWalletIsPagedNewestFirstAndPagesDoNotShift) {
  for (int i = 1; i <= 5; ++i) {
    ASSERT_EQ(post(deposit("d" + std::to_string(i), kAnn, i)), PostOutcome::kPosted);
    ASSERT_EQ(post(deposit("b" + std::to_string(i), kBob, i)), PostOutcome::kPosted);
  }
  const auto ids = [](const std::vector<WalletTransfer>& page) {
    std::vector<std::string> found;
    for (const auto& entry : page) {
      found.push_back(entry.transfer.id);
    }
    return found;
  };
  const auto first = store().transfers(kAnn, kListTop, 2).value();
  EXPECT_THAT(ids(first), ElementsAre("d5", "d4"));
  EXPECT_GT(first[0].position(), first[1].position());
  ASSERT_EQ(post(payment("p1", kAnn, key(1), 10), "t"), PostOutcome::kPosted);
  const auto second = store().transfers(kAnn, first[1].position(), 2).value();
  EXPECT_THAT(ids(second), ElementsAre("d3", "d2"));
  EXPECT_THAT(ids(store().transfers(kAnn, second[1].position(), 2).value()), ElementsAre("d1"));
  EXPECT_THAT(ids(store().transfers(kAnn, kListTop, 1).value()), ElementsAre("p1"));
  EXPECT_THAT(store().transfers(kAnn, ListPosition{}, 10).value(), IsEmpty());
}

TEST_P(LedgerStoreContract, ListsAreInTheOrderOfHappeningNotOfPosting) {
  const auto post_at = [&](const std::string& id, int64_t amount, int ms) {
    Transfer transfer = deposit(id, kAnn, amount);
    transfer.at = kNoon + milliseconds(ms);
    ASSERT_EQ(post(transfer), PostOutcome::kPosted);
  };
  const auto amounts = [&](const AccountId& account, ListPosition before, size_t max) {
    std::vector<int64_t> found;
    const auto page = store().transfers(account, before, max).value();
    for (const WalletTransfer& entry : page) {
      found.push_back(entry.transfer.amount.fen());
    }
    return found;
  };
  post_at("c", 30, 30);
  post_at("a", 10, 10);
  post_at("e", 50, 50);
  post_at("e2", 51, 50);
  post_at("b", 20, 20);
  for (const AccountId& account : {kAnn, kChannel}) {
    EXPECT_THAT(amounts(account, kListTop, 9), ElementsAre(51, 50, 30, 20, 10));
    const auto first = store().transfers(account, kListTop, 1).value();
    EXPECT_THAT(amounts(account, first.back().position(), 2), ElementsAre(50, 30));
  }
  const auto page = store().transfers(kAnn, kListTop, 3).value();
  post_at("d", 40, 40);
  EXPECT_THAT(amounts(kAnn, page.back().position(), 9), ElementsAre(20, 10));
  EXPECT_THAT(amounts(kAnn, kListTop, 9), ElementsAre(51, 50, 40, 30, 20, 10));
}

TEST_P(LedgerStoreContract, EscrowsAndChannelsAreListedToo) {
  fund(kAnn, 100);
  ASSERT_EQ(post(payment("p1", kAnn, key(1), 10), "t"), PostOutcome::kPosted);
  EXPECT_THAT(store().transfers(kEscrow, kListTop, 10).value(), SizeIs(1));
  EXPECT_THAT(store().transfers(kChannel, kListTop, 10).value(), SizeIs(1));
  EXPECT_THAT(store().transfers(kAnn, kListTop, 10).value(), SizeIs(2));
}

TEST_P(LedgerStoreContract, TotalsCountAccountsTransfersAndEachShardAskedFor) {
  fund(kAnn, 100);
  ASSERT_EQ(post(payment("p1", kAnn, key(1), 60), "t"), PostOutcome::kPosted);
  const auto totals = store().totals({kOtherShard, kShard}).value();
  EXPECT_EQ(totals.accounts, 3U);
  EXPECT_EQ(totals.transfers, 2U);
  EXPECT_EQ(totals.sum_over_transfers, Money(160));
  EXPECT_EQ(totals.debits_posted, Money(160));
  EXPECT_EQ(totals.credits_posted, Money(160));
  ASSERT_THAT(totals.shards, SizeIs(2));
  EXPECT_EQ(totals.shards[0].shard, kOtherShard);
  EXPECT_EQ(totals.shards[0].escrow, Money(0));
  EXPECT_EQ(totals.shards[1].shard, kShard);
  EXPECT_EQ(totals.shards[1].escrow, Money(60));
  EXPECT_EQ(totals.shards[1].pending, Money(60));
}

TEST_P(LedgerStoreContract, EverythingIsThereAfterAReopen) {
  fund(kAnn, 100);
  ASSERT_TRUE(store().set_frozen(kBob, true).has_value());
  ASSERT_EQ(post(payment("p1", kAnn, key(1), 60), "the order"), PostOutcome::kPosted);
  ASSERT_TRUE(settle(1, {opened(1, key(2), 1, "bob", 10), opened(2, key(2), 2, "cat", 10)}));
  backend_->reopen();
  EXPECT_EQ(balance(kAnn), Money(40));
  EXPECT_TRUE(store().account(kBob).value().frozen);
  EXPECT_EQ(store().cursor(kShard).value(), VoucherNo{3});
  EXPECT_EQ(store().pending(kShard, kNoon, 10).value().at(0).pay_token, "the order");
  EXPECT_THAT(store().deferred(kShard, kNoon + seconds(1), 10).value(), SizeIs(1));
  EXPECT_THAT(store().transfers(kAnn, kListTop, 10).value(), SizeIs(2));
  EXPECT_EQ(post(payment("p1", kAnn, key(1), 60), "the order"), PostOutcome::kDuplicate);
  expect_books_balance();
}

}  // namespace
}  // namespace hongbao
