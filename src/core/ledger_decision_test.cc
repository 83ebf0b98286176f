#include "core/ledger_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hongbao::ledger_decision_test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr ShardId kShard{Region::kSouth, 7};
constexpr ShardId kOtherShard{Region::kSouth, 8};
constexpr Timestamp kNow{1'000'000};
const AccountId kAnn = AccountId::user(UserId::trusted("ann"));
const AccountId kBob = AccountId::user(UserId::trusted("bob"));
const AccountId kChannel = AccountId::channel("demo");
const AccountId kEscrow = AccountId::escrow(kShard);
const SendKey kSend{1, 2, 3};

PacketKey packet(uint64_t local, ShardId shard = kShard) {
  return {shard, {20'779}, {local}};
}

Posting deposit(const std::string& id, const AccountId& account, int64_t amount) {
  return {{.id = id,
           .debit = kChannel,
           .credit = account,
           .amount = Money(amount),
           .kind = TransferKind::kDeposit,
           .at = kNow}};
}

constexpr Day kToday{20'779};

Posting limited(Posting posting) {
  posting.daily_limit = DailyLimit{kToday, Money(100)};
  return posting;
}

Posting payment(const std::string& id, const AccountId& from, uint64_t local, int64_t amount,
                std::optional<SendKey> send = {}) {
  return {{.id = id,
           .debit = from,
           .credit = kEscrow,
           .amount = Money(amount),
           .kind = TransferKind::kPaid,
           .packet = packet(local),
           .at = kNow},
          "token",
          send};
}

Voucher voucher(VoucherKind kind, uint64_t no, const std::string& user, int64_t amount, ShardId shard = kShard) {
  return {.no = {no},
          .packet = packet(1, shard),
          .kind = kind,
          .seq = kind == VoucherKind::kOpened ? 1U : 0U,
          .user = UserId::trusted(user),
          .amount = Money(amount),
          .at = kNow};
}
Voucher opened(uint64_t no, const std::string& user, int64_t amount, ShardId shard = kShard) {
  return voucher(VoucherKind::kOpened, no, user, amount, shard);
}

DeferredTransfer retry_of(const Voucher& settled, uint32_t attempts) {
  return {effect_of(settled, {}).transfer.value(), TransferVerdict::kFrozen, attempts, kNow + milliseconds(60'000)};
}

// What a store holds, and gives to be decided on.
class LedgerDecisions : public testing::Test {
 protected:
  void fund(const AccountId& id, int64_t balance, bool frozen = false) {
    accounts_[id] = {.id = id, .credits_posted = Money(balance), .frozen = frozen};
  }

  LedgerState read(const LedgerReads& reads) {
    LedgerState state = stored_;
    for (const AccountId& id : reads.accounts) {
      const auto found = accounts_.find(id);
      state.accounts.emplace(id.text(), found == accounts_.end() ? Account{.id = id} : found->second);
    }
    reads_.push_back(reads);
    return state;
  }

  LedgerDecision decide_once(const LedgerBatch& batch) { return decide(batch, read(reads_of(batch))); }
  LedgerDecision post(const std::vector<Posting>& postings) {
    batch_ = {.postings = postings, .settlements = {}, .retries = {}, .now = kNow};
    return decide_once(batch_);
  }
  LedgerDecision settle(const std::vector<Settlement>& settlements) {
    return decide_once({.postings = {}, .settlements = settlements, .retries = {}, .now = kNow});
  }
  LedgerDecision retry(const std::vector<DeferredTransfer>& retries) {
    return decide_once({.postings = {}, .settlements = {}, .retries = retries, .now = kNow});
  }

  static const LedgerDecision::Move& move_of(const LedgerDecision& decision, const AccountId& account) {
    const auto found = std::ranges::find(decision.moves, account, &LedgerDecision::Move::account);
    EXPECT_NE(found, decision.moves.end()) << account.text();
    return *found;
  }
  static std::vector<std::string> ids(const LedgerDecision& decision) {
    std::vector<std::string> ids;
    for (const auto& made : decision.transfers) {
      ids.push_back(made.transfer.id);
    }
    return ids;
  }
  static void expect_nothing_written(const LedgerDecision& decision) {
    EXPECT_THAT(decision.moves, IsEmpty());
    EXPECT_THAT(decision.transfers, IsEmpty());
    EXPECT_THAT(decision.payments, IsEmpty());
    EXPECT_THAT(decision.no_longer_pending, IsEmpty());
    EXPECT_THAT(decision.new_deferred, IsEmpty());
    EXPECT_THAT(decision.still_deferred, IsEmpty());
    EXPECT_THAT(decision.no_longer_deferred, IsEmpty());
    EXPECT_THAT(decision.cursors, IsEmpty());
  }

  // As `decide` with steps does it; `unable` are refused by `move` when they were not read.
  std::optional<LedgerDecision> decide_in_steps(const LedgerBatch& batch, const std::set<AccountId>& unable) {
    return decide(batch, {.read = [this](const LedgerReads& reads) { return read(reads); },
                          .move =
                              [&](const LedgerDecision& decision) {
                                ++moves_;
                                std::vector<AccountId> refused;
                                for (const auto& move : decision.moves) {
                                  if (unable.contains(move.account)) {
                                    refused.push_back(move.account);
                                  }
                                }
                                return refused;
                              },
                          .undo = [this] { ++undone_; }});
  }

  LedgerState stored_;
  std::map<AccountId, Account> accounts_;
  LedgerBatch batch_;
  std::vector<LedgerReads> reads_;
  int moves_ = 0;
  int undone_ = 0;
};

// --- postings
// ---------------------------------------------------------------------------------------------------------

TEST_F(LedgerDecisions, APostingMovesBothAccountsAndWritesItsTransfer) {
  const auto decision = post({deposit("d1", kAnn, 100)});
  EXPECT_THAT(decision.result.postings, ElementsAre(PostOutcome::kPosted));
  EXPECT_THAT(ids(decision), ElementsAre("d1"));
  EXPECT_EQ(move_of(decision, kChannel).debits, Money(100));
  EXPECT_EQ(move_of(decision, kChannel).credits, Money(0));
  EXPECT_EQ(move_of(decision, kAnn).credits, Money(100));
  EXPECT_THAT(decision.payments, IsEmpty()) << "it pays for nothing";
}

TEST_F(LedgerDecisions, MovesAreSortedByAccountAndTransfersNumberedInEach) {
  fund(kAnn, 100);
  const auto decision =
      post({deposit("d1", kBob, 1), payment("p1", kAnn, 1, 2), deposit("d2", kAnn, 4), deposit("d3", kBob, 8)});
  std::vector<std::string> moved;
  for (const auto& move : decision.moves) {
    moved.push_back(move.account.text());
  }
  EXPECT_THAT(moved, ElementsAre("channel:demo", "escrow:s007", "user:ann", "user:bob"));
  EXPECT_EQ(move_of(decision, kAnn).debits, Money(2));
  EXPECT_EQ(move_of(decision, kAnn).credits, Money(4));
  EXPECT_EQ(move_of(decision, kAnn).transfers, 2U);
  EXPECT_EQ(move_of(decision, kChannel).transfers, 3U);
  const auto& last = decision.transfers.at(3);
  EXPECT_EQ(decision.moves.at(last.debit).account, kChannel);
  EXPECT_EQ(decision.moves.at(last.credit).account, kBob);
  EXPECT_EQ(last.debit_no, 3U);
  EXPECT_EQ(last.credit_no, 2U);
  EXPECT_EQ(decision.transfers.at(2).credit_no, 2U) << "ann's second, after her payment";
}

TEST_F(LedgerDecisions, WhatIsStoredIsADuplicateAndWritesNothing) {
  stored_.posted.emplace("d1", deposit("d1", kAnn, 100).transfer);
  const auto decision = post({deposit("d1", kAnn, 100)});
  EXPECT_THAT(decision.result.postings, ElementsAre(PostOutcome::kDuplicate));
  expect_nothing_written(decision);
}

TEST_F(LedgerDecisions, AnotherTransferOfAStoredIdIsRefused) {
  stored_.posted.emplace("d1", deposit("d1", kAnn, 100).transfer);
  const auto decision = post({deposit("d1", kAnn, 101), deposit("d1", kBob, 100)});
  EXPECT_THAT(decision.result.postings, ElementsAre(PostOutcome::kIdReused, PostOutcome::kIdReused));
  expect_nothing_written(decision);
}

TEST_F(LedgerDecisions, IdsAreTakenWithinABatchToo) {
  const auto decision = post({deposit("d1", kAnn, 100), deposit("d1", kAnn, 100), deposit("d1", kAnn, 7)});
  EXPECT_THAT(decision.result.postings,
              ElementsAre(PostOutcome::kPosted, PostOutcome::kDuplicate, PostOutcome::kIdReused));
  EXPECT_THAT(ids(decision), ElementsAre("d1"));
  EXPECT_EQ(move_of(decision, kAnn).credits, Money(100));
}

TEST_F(LedgerDecisions, ARefusedIdIsNotTaken) {
  const auto decision = post({payment("p1", kAnn, 1, 10), deposit("d1", kAnn, 10), payment("p1", kAnn, 1, 10)});
  EXPECT_THAT(decision.result.postings,
              ElementsAre(PostOutcome::kInsufficient, PostOutcome::kPosted, PostOutcome::kPosted));
}

TEST_F(LedgerDecisions, BalancesAreCarriedThroughABatch) {
  fund(kAnn, 50);
  const auto decision = post({payment("p1", kAnn, 1, 30), payment("p2", kAnn, 2, 30), deposit("d1", kAnn, 10),
                              payment("p3", kAnn, 3, 30), payment("p4", kAnn, 4, 1)});
  EXPECT_THAT(decision.result.postings,
              ElementsAre(PostOutcome::kPosted, PostOutcome::kInsufficient, PostOutcome::kPosted, PostOutcome::kPosted,
                          PostOutcome::kInsufficient));
  EXPECT_EQ(move_of(decision, kAnn).debits, Money(60));
  EXPECT_EQ(move_of(decision, kEscrow).credits, Money(60));
}

TEST_F(LedgerDecisions, AFrozenAccountNeitherPaysNorReceives) {
  fund(kAnn, 100, true);
  const auto decision = post({payment("p1", kAnn, 1, 10), deposit("d1", kAnn, 10)});
  EXPECT_THAT(decision.result.postings, ElementsAre(PostOutcome::kFrozen, PostOutcome::kFrozen));
  expect_nothing_written(decision);
}

TEST_F(LedgerDecisions, AnAccountTakesSoMuchAndNoMore) {
  fund(kAnn, kPostedMax.fen() - 5);
  const auto decision = post({deposit("d1", kAnn, 5), deposit("d2", kAnn, 1)});
  EXPECT_THAT(decision.result.postings, ElementsAre(PostOutcome::kPosted, PostOutcome::kTooMuch));
}

// --- payments
// ---------------------------------------------------------------------------------------------------------

TEST_F(LedgerDecisions, WhatIsPaidInOnADayHasALimit) {
  stored_.counted[kToday] = Money(40);
  const auto decision =
      post({limited(deposit("d1", kAnn, 50)), limited(deposit("d2", kBob, 11)), limited(deposit("d3", kBob, 10))});
  EXPECT_THAT(decision.result.postings,
              ElementsAre(PostOutcome::kPosted, PostOutcome::kOverDailyLimit, PostOutcome::kPosted));
  EXPECT_THAT(ids(decision), ElementsAre("d1", "d3"));
  EXPECT_THAT(decision.counted, ElementsAre(std::pair(kToday, Money(100))));
}

TEST_F(LedgerDecisions, ARepeatedOrRefusedDepositIsNotCounted) {
  stored_.counted[kToday] = Money(100);
  stored_.posted.emplace("d1", deposit("d1", kAnn, 50).transfer);
  fund(kBob, 0, true);
  const auto decision = post({limited(deposit("d1", kAnn, 50)), limited(deposit("d2", kBob, 1))});
  EXPECT_THAT(decision.result.postings, ElementsAre(PostOutcome::kDuplicate, PostOutcome::kFrozen))
      << "as if there were no limit";
  EXPECT_THAT(decision.counted, IsEmpty());
}

TEST_F(LedgerDecisions, EachDayCountsForItself) {
  stored_.counted[kToday] = Money(100);
  Posting tomorrow = limited(deposit("d1", kAnn, 100));
  tomorrow.daily_limit->day = {kToday.since_epoch + 1};
  const auto decision = post({tomorrow, deposit("d2", kAnn, 1'000)});
  EXPECT_THAT(decision.result.postings, ElementsAre(PostOutcome::kPosted, PostOutcome::kPosted));
  EXPECT_THAT(decision.counted, ElementsAre(std::pair(tomorrow.daily_limit->day, Money(100))));
}

TEST_F(LedgerDecisions, APaymentIsKept) {
  fund(kAnn, 100);
  const auto decision = post({payment("p1", kAnn, 1, 10, kSend)});
  ASSERT_THAT(decision.payments, SizeIs(1));
  EXPECT_EQ(decision.payments[0]->transfer.packet, packet(1));
  EXPECT_EQ(decision.payments[0]->send_key, kSend);
}

TEST_F(LedgerDecisions, APacketIsPaidOnce) {
  fund(kAnn, 100);
  stored_.paid[packet(1)] = kSend;
  stored_.sent[kSend] = packet(1);
  const auto decision = post({payment("p2", kAnn, 1, 10, kSend)});
  EXPECT_THAT(decision.result.postings, ElementsAre(Posted{PostOutcome::kAlreadyPaid, packet(1)}));
  expect_nothing_written(decision);
}

TEST_F(LedgerDecisions, ASendIsPaidOnceByWhicheverPacket) {
  fund(kAnn, 100);
  stored_.paid[packet(1)] = kSend;
  stored_.sent[kSend] = packet(1);
  const auto decision = post({payment("p2", kAnn, 2, 10, kSend), payment("p3", kAnn, 3, 10, SendKey{9})});
  EXPECT_THAT(decision.result.postings,
              ElementsAre(Posted{PostOutcome::kAlreadyPaid, packet(1)}, Posted{PostOutcome::kPosted}));
}

TEST_F(LedgerDecisions, APacketOfAnotherSendHasAnIdThatWasGivenOutTwice) {
  fund(kAnn, 100);
  stored_.paid[packet(1)] = kSend;
  const auto decision = post({payment("p2", kAnn, 1, 10, SendKey{9}), payment("p3", kAnn, 1, 10)});
  EXPECT_THAT(decision.result.postings, ElementsAre(PostOutcome::kIdReused, PostOutcome::kIdReused));
  expect_nothing_written(decision);
}

TEST_F(LedgerDecisions, PaymentsMeetEachOtherWithinABatch) {
  fund(kAnn, 100);
  const auto decision = post({payment("p1", kAnn, 1, 10, kSend), payment("p2", kAnn, 1, 10, kSend),
                              payment("p3", kAnn, 2, 10, kSend), payment("p4", kAnn, 1, 10, SendKey{9})});
  const Posted paid{PostOutcome::kAlreadyPaid, packet(1)};
  EXPECT_THAT(decision.result.postings,
              ElementsAre(Posted{PostOutcome::kPosted}, paid, paid, Posted{PostOutcome::kIdReused}));
  EXPECT_THAT(decision.payments, SizeIs(1));
  EXPECT_EQ(move_of(decision, kEscrow).credits, Money(10));
}

TEST_F(LedgerDecisions, ARepeatedPaymentIsADuplicateThoughItsPacketIsPaid) {
  fund(kAnn, 100);
  stored_.posted.emplace("p1", payment("p1", kAnn, 1, 10).transfer);
  stored_.paid[packet(1)] = kSend;
  stored_.sent[kSend] = packet(1);
  EXPECT_THAT(post({payment("p1", kAnn, 1, 10, kSend)}).result.postings, ElementsAre(PostOutcome::kDuplicate));
}

TEST_F(LedgerDecisions, ARefusedPaymentLeavesPacketAndSendToTheNext) {
  fund(kAnn, 100);
  const auto decision = post({payment("p1", kBob, 1, 10, kSend), payment("p2", kAnn, 2, 10, kSend)});
  EXPECT_THAT(decision.result.postings, ElementsAre(PostOutcome::kInsufficient, PostOutcome::kPosted));
}

// --- settlements
// ------------------------------------------------------------------------------------------------------

TEST_F(LedgerDecisions, APieceMovesItsMoneyAndTheCursor) {
  fund(kEscrow, 100);
  stored_.cursors[kShard] = {5};
  const auto decision = settle(
      {{kShard, {5}, {opened(5, "ann", 30), opened(6, "bob", 20), voucher(VoucherKind::kRefunded, 7, "ann", 50)}}});
  EXPECT_THAT(decision.result.settlements, ElementsAre(SettleOutcome::kSettled));
  EXPECT_THAT(ids(decision),
              ElementsAre("voucher:s007:000000000005", "voucher:s007:000000000006", "voucher:s007:000000000007"));
  EXPECT_EQ(move_of(decision, kAnn).credits, Money(80));
  EXPECT_EQ(move_of(decision, kEscrow).debits, Money(100));
  EXPECT_THAT(decision.cursors, ElementsAre(std::pair(kShard, VoucherNo{8})));
  EXPECT_THAT(decision.unread, IsEmpty());
}

TEST_F(LedgerDecisions, APaidVoucherEndsItsPaymentsPendingState) {
  const auto decision = settle({{kShard, {1}, {voucher(VoucherKind::kPaid, 1, "ann", 100)}}});
  EXPECT_THAT(decision.no_longer_pending, ElementsAre(packet(1)));
  EXPECT_THAT(decision.cursors, ElementsAre(std::pair(kShard, VoucherNo{2})));
  EXPECT_THAT(decision.transfers, IsEmpty());
}

TEST_F(LedgerDecisions, APieceThatDoesNotBeginAtTheCursorDoesNothing) {
  fund(kEscrow, 100);
  stored_.cursors[kShard] = {5};
  const auto decision = settle({{kShard, {4}, {opened(4, "ann", 1), opened(5, "ann", 1)}},  // repeated, in part
                                {kShard, {6}, {opened(6, "ann", 1)}},                       // behind a gap
                                {kOtherShard, {2}, {}}});  // the cursor is at the start
  EXPECT_THAT(decision.result.settlements,
              ElementsAre(SettleOutcome::kElsewhere, SettleOutcome::kElsewhere, SettleOutcome::kElsewhere));
  expect_nothing_written(decision);
}

TEST_F(LedgerDecisions, PiecesAreSettledInTheirOrderEachFromWhereTheLastEnded) {
  fund(kEscrow, 100);
  fund(AccountId::escrow(kOtherShard), 100);
  const auto decision = settle({{kShard, {2}, {opened(2, "ann", 1)}},  // not yet
                                {kShard, {1}, {opened(1, "ann", 2)}},
                                {kOtherShard, {1}, {opened(1, "bob", 4, kOtherShard)}},
                                {kShard, {2}, {opened(2, "ann", 1)}},
                                {kShard, {1}, {opened(1, "ann", 2)}}});  // once more
  EXPECT_THAT(decision.result.settlements,
              ElementsAre(SettleOutcome::kElsewhere, SettleOutcome::kSettled, SettleOutcome::kSettled,
                          SettleOutcome::kSettled, SettleOutcome::kElsewhere));
  EXPECT_EQ(move_of(decision, kAnn).credits, Money(3));
  EXPECT_THAT(decision.cursors, ElementsAre(std::pair(kShard, VoucherNo{3}), std::pair(kOtherShard, VoucherNo{2})));
}

TEST_F(LedgerDecisions, ADamagedPieceDoesNothing) {
  fund(kEscrow, 100);
  Voucher without_user = opened(2, "ann", 1);
  without_user.user = {};
  Voucher of_no_kind = opened(2, "ann", 1);
  of_no_kind.kind = static_cast<VoucherKind>(7);
  for (const Voucher& second : {opened(3, "ann", 1), opened(1, "ann", 1), opened(2, "ann", 1, kOtherShard),
                                opened(2, "ann", 0), opened(2, "ann", -1), without_user, of_no_kind}) {
    const auto decision = settle({{kShard, {1}, {opened(1, "ann", 1), second}}});
    EXPECT_THAT(decision.result.settlements, ElementsAre(SettleOutcome::kDamaged));
    expect_nothing_written(decision);
  }
}

// The shard is South's, and these vouchers' users are at home in North.
LedgerBatch settled_at(LedgerId self, std::vector<Voucher> vouchers) {
  for (Voucher& voucher : vouchers) {
    voucher.home = Region::kNorth;
    voucher.paid_in = {Region::kNorth, 0};
  }
  return {.place = {self, Ledgers(1, 1)},
          .postings = {},
          .settlements = {{kShard, {1}, std::move(vouchers)}},
          .retries = {},
          .now = kNow};
}

TEST_F(LedgerDecisions, WhatArrivesFromAnotherLedgerIsThereForTheSharesBehindIt) {
  const AccountId due = AccountId::due({Region::kNorth, 0});
  const auto batch = settled_at(
      {Region::kSouth, 0}, {voucher(VoucherKind::kPaid, 1, "ann", 100), opened(2, "bob", 30), opened(3, "cat", 70)});
  const auto decision = decide_once(batch);
  EXPECT_THAT(decision.new_deferred, IsEmpty());
  EXPECT_THAT(decision.no_longer_pending, IsEmpty());
  EXPECT_EQ(move_of(decision, due).debits, Money(100));
  EXPECT_EQ(move_of(decision, due).credits, Money(100));
  EXPECT_EQ(move_of(decision, kEscrow).credits, Money(100));
  EXPECT_EQ(move_of(decision, kEscrow).debits, Money(100));
}

TEST_F(LedgerDecisions, InTheWalletsLedgerAShareComesFromWhatIsDue) {
  const AccountId due = AccountId::due({Region::kSouth, 0});
  fund(kBob, 0, true);
  const auto batch = settled_at(
      {Region::kNorth, 0}, {voucher(VoucherKind::kPaid, 1, "ann", 100), opened(2, "bob", 30), opened(3, "cat", 70)});
  const auto decision = decide_in_steps(batch, {kBob});
  ASSERT_TRUE(decision.has_value());
  EXPECT_THAT(decision->no_longer_pending, ElementsAre(packet(1)));
  ASSERT_THAT(decision->new_deferred, SizeIs(1));
  EXPECT_EQ(decision->new_deferred[0].transfer.debit, due);
  EXPECT_EQ(move_of(*decision, due).debits, Money(70));
  EXPECT_EQ(move_of(*decision, AccountId::user(UserId::trusted("cat"))).credits, Money(70));
}

TEST_F(LedgerDecisions, ALedgerThatIsNotConcernedMovesItsCursorAlone) {
  LedgerBatch batch =
      settled_at({Region::kSouth, 1}, {voucher(VoucherKind::kPaid, 1, "ann", 100), opened(2, "bob", 30)});
  batch.place.all = Ledgers(4, 1);  // the escrow is in s3
  const auto decision = decide_once(batch);
  EXPECT_THAT(decision.moves, IsEmpty());
  EXPECT_EQ(decision.cursors.at(kShard), VoucherNo{3});
}

TEST_F(LedgerDecisions, APieceThatNamesALedgerThatIsNotThereDoesNothing) {
  LedgerBatch batch = settled_at({Region::kSouth, 0}, {opened(1, "bob", 30)});
  batch.place.all = Ledgers(1, 0);
  const auto decision = decide_once(batch);
  EXPECT_THAT(decision.result.settlements, ElementsAre(SettleOutcome::kDamaged));
  expect_nothing_written(decision);
}

TEST_F(LedgerDecisions, ARefusedTransferIsDeferredAndHoldsNothingBack) {
  fund(kEscrow, 25);
  fund(kAnn, 0);
  const auto decision = settle({{kShard, {1}, {opened(1, "ann", 20), opened(2, "bob", 10), opened(3, "ann", 5)}}});
  EXPECT_THAT(decision.result.settlements, ElementsAre(SettleOutcome::kSettled));
  ASSERT_THAT(decision.new_deferred, SizeIs(1));
  const DeferredTransfer& deferred = decision.new_deferred[0];
  EXPECT_TRUE(deferred.transfer.same_content(effect_of(opened(2, "bob", 10), {}).transfer.value()));
  EXPECT_EQ(deferred.transfer.id, "voucher:s007:000000000002");
  EXPECT_EQ(deferred.reason, TransferVerdict::kInsufficient);
  EXPECT_EQ(deferred.attempts, 0U);
  EXPECT_EQ(deferred.next_at, kNow + milliseconds(1000));
  EXPECT_EQ(move_of(decision, kEscrow).debits, Money(25));
  EXPECT_THAT(decision.cursors, ElementsAre(std::pair(kShard, VoucherNo{4})));
}

TEST_F(LedgerDecisions, AnUnreadAccountOfARefusedTransferIsTold) {
  const auto decision = settle({{kShard, {1}, {opened(1, "ann", 30)}}});
  EXPECT_THAT(decision.unread, ElementsAre(kAnn)) << "it may be frozen, which is another reason";
}

TEST_F(LedgerDecisions, PostingsComeBeforeSettlementsAndTheseBeforeRetries) {
  fund(kChannel, 0);
  const LedgerBatch batch{.postings = {deposit("d1", kEscrow, 10)},
                          .settlements = {{kShard, {2}, {opened(2, "ann", 7)}}},
                          .retries = {retry_of(opened(1, "bob", 5), 0)},
                          .now = kNow};
  stored_.cursors[kShard] = {2};
  const auto decision = decide_once(batch);
  EXPECT_THAT(decision.result.settlements, ElementsAre(SettleOutcome::kSettled));
  EXPECT_THAT(decision.result.retries, ElementsAre(RetryOutcome::kDeferred)) << "3 are left";
  EXPECT_EQ(move_of(decision, kAnn).credits, Money(7));
}

// --- retries
// ----------------------------------------------------------------------------------------------------------

TEST_F(LedgerDecisions, ARetryThatIsPostedIsNoLongerDeferred) {
  fund(kEscrow, 100);
  const DeferredTransfer deferred = retry_of(opened(1, "ann", 30), 3);
  const auto decision = retry({deferred});
  EXPECT_THAT(decision.result.retries, ElementsAre(RetryOutcome::kPosted));
  EXPECT_THAT(ids(decision), ElementsAre(deferred.transfer.id));
  EXPECT_THAT(decision.no_longer_deferred, ElementsAre(deferred.transfer.id));
  EXPECT_THAT(decision.still_deferred, IsEmpty());
}

TEST_F(LedgerDecisions, ARetryThatWasPostedBeforeMovesNothing) {
  fund(kEscrow, 100);
  const DeferredTransfer deferred = retry_of(opened(1, "ann", 30), 3);
  stored_.posted.emplace(deferred.transfer.id, deferred.transfer);
  const auto decision = retry({deferred});
  EXPECT_THAT(decision.result.retries, ElementsAre(RetryOutcome::kPosted));
  EXPECT_THAT(decision.no_longer_deferred, ElementsAre(deferred.transfer.id));
  EXPECT_THAT(decision.moves, IsEmpty());
}

TEST_F(LedgerDecisions, ARetryThatIsThereTwiceIsPostedOnce) {
  fund(kEscrow, 100);
  const DeferredTransfer deferred = retry_of(opened(1, "ann", 30), 3);
  const auto decision = retry({deferred, deferred});
  EXPECT_THAT(decision.result.retries, ElementsAre(RetryOutcome::kPosted, RetryOutcome::kPosted));
  EXPECT_THAT(decision.transfers, SizeIs(1));
  EXPECT_EQ(move_of(decision, kAnn).credits, Money(30));
}

TEST_F(LedgerDecisions, ARetryThatIsRefusedCountsFromTheAttemptsItWasReadWith) {
  fund(kEscrow, 100);
  fund(kAnn, 0, true);
  const DeferredTransfer deferred = retry_of(opened(1, "ann", 30), 3);
  const auto decision = retry({deferred});
  EXPECT_THAT(decision.result.retries, ElementsAre(RetryOutcome::kDeferred));
  ASSERT_THAT(decision.still_deferred, SizeIs(1));
  EXPECT_EQ(decision.still_deferred[0].transfer.id, deferred.transfer.id);
  EXPECT_EQ(decision.still_deferred[0].reason, TransferVerdict::kFrozen);
  EXPECT_EQ(decision.still_deferred[0].attempts, 4U);
  EXPECT_EQ(decision.still_deferred[0].next_at, deferred.next_at);
  EXPECT_THAT(decision.no_longer_deferred, IsEmpty());
  EXPECT_THAT(decision.moves, IsEmpty());
}

// --- what is read, and deciding again
// ---------------------------------------------------------------------------------

TEST_F(LedgerDecisions, AllThatDecidesIsReadAndNoAccountThatSettlementsOnlyCredit) {
  const DeferredTransfer deferred = retry_of(opened(1, "carol", 30), 0);
  const LedgerReads reads = reads_of({.postings = {limited(deposit("d1", kAnn, 1)), payment("p1", kAnn, 3, 1, kSend)},
                                      .settlements = {{kOtherShard, {1}, {opened(1, "bob", 1, kOtherShard)}}},
                                      .retries = {deferred},
                                      .now = kNow});
  EXPECT_THAT(reads.cursors, ElementsAre(kOtherShard));
  EXPECT_THAT(reads.accounts,
              UnorderedElementsAre(kChannel, kAnn, kEscrow, AccountId::escrow(kOtherShard), deferred.transfer.credit));
  EXPECT_THAT(reads.transfers, UnorderedElementsAre("d1", "p1", deferred.transfer.id));
  EXPECT_THAT(reads.packets, ElementsAre(packet(3)));
  EXPECT_THAT(reads.sends, ElementsAre(kSend));
  EXPECT_THAT(reads.days, ElementsAre(kToday));
}

TEST_F(LedgerDecisions, OneDecisionIsEnoughWhenEverybodyCanReceive) {
  fund(kEscrow, 100);
  const LedgerBatch batch{
      .postings = {}, .settlements = {{kShard, {1}, {opened(1, "ann", 30)}}}, .retries = {}, .now = kNow};
  ASSERT_TRUE(decide_in_steps(batch, {}).has_value());
  EXPECT_THAT(reads_, SizeIs(1));
  EXPECT_EQ(undone_, 0);
}

TEST_F(LedgerDecisions, AFrozenTakerIsFoundOutAndDeferred) {
  fund(kEscrow, 100);
  fund(kAnn, 0, true);
  const LedgerBatch batch{.postings = {},
                          .settlements = {{kShard, {1}, {opened(1, "ann", 30), opened(2, "bob", 20)}}},
                          .retries = {},
                          .now = kNow};
  const auto decision = decide_in_steps(batch, {kAnn});
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(undone_, 1);
  EXPECT_TRUE(reads_.back().accounts.contains(kAnn));
  EXPECT_FALSE(reads_.back().accounts.contains(kBob));
  ASSERT_THAT(decision->new_deferred, SizeIs(1));
  EXPECT_EQ(decision->new_deferred[0].reason, TransferVerdict::kFrozen);
  EXPECT_EQ(move_of(*decision, kBob).credits, Money(20));
}

TEST_F(LedgerDecisions, AFrozenTakerOfAnEmptyEscrowIsToldToBeFrozen) {
  fund(kAnn, 0, true);
  const LedgerBatch batch{
      .postings = {}, .settlements = {{kShard, {1}, {opened(1, "ann", 30)}}}, .retries = {}, .now = kNow};
  const auto decision = decide_in_steps(batch, {kAnn});
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(moves_, 1) << "the first decision was not carried out";
  EXPECT_EQ(decision->new_deferred.at(0).reason, TransferVerdict::kFrozen);
}

// Who is frozen leaves money to others, who may be frozen as well: the third decision knows everybody.
TEST_F(LedgerDecisions, ThreeDecisionsAreEnough) {
  fund(kEscrow, 30);
  std::set<AccountId> frozen;
  Settlement piece{kShard, {1}, {}};
  for (uint64_t no = 1; no <= 20; ++no) {
    const std::string name = "u" + std::to_string(no);
    frozen.insert(AccountId::user(UserId::trusted(name)));
    fund(AccountId::user(UserId::trusted(name)), 0, true);
    piece.vouchers.push_back(opened(no, name, 10));
  }
  const auto decision = decide_in_steps({.postings = {}, .settlements = {piece}, .retries = {}, .now = kNow}, frozen);
  ASSERT_TRUE(decision.has_value());
  EXPECT_LE(reads_.size(), 3U);
  EXPECT_THAT(decision->new_deferred, SizeIs(20));
  EXPECT_THAT(decision->moves, IsEmpty());
}

TEST_F(LedgerDecisions, WhoeverIsFrozenAgainAndAgainEndsInNothing) {
  fund(kEscrow, 100);
  const LedgerBatch batch{
      .postings = {}, .settlements = {{kShard, {1}, {opened(1, "ann", 30)}}}, .retries = {}, .now = kNow};
  EXPECT_FALSE(decide_in_steps(batch, {kAnn}).has_value()) << "it reads as not frozen, and can't receive";
  EXPECT_THAT(reads_, SizeIs(kDecisionsMax));
  EXPECT_EQ(undone_, kDecisionsMax);
}

}  // namespace
}  // namespace hongbao::ledger_decision_test
