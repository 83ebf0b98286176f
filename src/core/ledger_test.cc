#include "core/ledger.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hongbao {
namespace {

const AccountId kUser = AccountId::user(UserId::trusted("alice"));
const AccountId kEscrow = AccountId::escrow({Region::kSouth, 7});
const AccountId kChannel = AccountId::channel("demo");
const PacketKey kPacket{{Region::kSouth, 7}, {20'779}, {5}};

Account account(const AccountId& id, int64_t balance, bool frozen = false) {
  return {.id = id, .debits_posted = Money(1000), .credits_posted = Money(1000 + balance), .frozen = frozen};
}

Transfer payment(const AccountId& debit, const AccountId& credit, int64_t amount) {
  return {.id = "t1",
          .debit = debit,
          .credit = credit,
          .amount = Money(amount),
          .kind = TransferKind::kPaid,
          .packet = kPacket,
          .at = {1}};
}

TEST(Ledger, JudgesTransfersByTheTable) {
  struct Row {
    const char* name;
    AccountId debit;
    int64_t balance;
    bool debit_frozen;
    bool credit_frozen;
    TransferVerdict verdict;
  };
  const std::vector<Row> rows{
      {"enough", kUser, 101, false, false, TransferVerdict::kPosted},
      {"exactly enough", kUser, 100, false, false, TransferVerdict::kPosted},
      {"one fen short", kUser, 99, false, false, TransferVerdict::kInsufficient},
      {"empty", kUser, 0, false, false, TransferVerdict::kInsufficient},
      {"an escrow must not go negative", AccountId::escrow({Region::kNorth, 1}), 99, false, false,
       TransferVerdict::kInsufficient},
      {"a channel may", kChannel, 0, false, false, TransferVerdict::kPosted},
      {"a channel may again", kChannel, -1'000'000, false, false, TransferVerdict::kPosted},
      {"debit frozen", kUser, 100, true, false, TransferVerdict::kFrozen},
      {"credit frozen", kUser, 100, false, true, TransferVerdict::kFrozen},
      {"frozen is told before short", kUser, 0, true, true, TransferVerdict::kFrozen},
      {"a frozen channel pays nothing", kChannel, 0, true, false, TransferVerdict::kFrozen},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(judge_transfer(payment(row.debit, kEscrow, 100), account(row.debit, row.balance, row.debit_frozen),
                             account(kEscrow, 0, row.credit_frozen), std::nullopt),
              row.verdict)
        << row.name;
  }
}

TEST(Ledger, ARepeatedTransferIsADuplicateWhateverTheAccountsSayNow) {
  const Transfer transfer = payment(kUser, kEscrow, 100);
  Transfer later = transfer;
  later.at = {2};  // when it was caused is not part of its identity
  for (const bool frozen : {false, true}) {
    EXPECT_EQ(judge_transfer(later, account(kUser, 0, frozen), account(kEscrow, 0, frozen), transfer),
              TransferVerdict::kDuplicate);
  }
}

TEST(Ledger, AnotherContentUnderTheSameIdIsRefused) {
  const Transfer transfer = payment(kUser, kEscrow, 100);
  std::vector<Transfer> others(5, transfer);
  others[0].amount = Money(101);
  others[1].debit = kChannel;
  others[2].credit = AccountId::escrow({Region::kSouth, 8});
  others[3].kind = TransferKind::kDeposit;
  others[4].packet = std::nullopt;
  for (const Transfer& posted : others) {
    EXPECT_EQ(judge_transfer(transfer, account(kUser, 1000), account(kEscrow, 0), posted), TransferVerdict::kIdReused);
  }
}

TEST(LedgerDeathTest, StopsOnAProgrammersError) {
  EXPECT_DEATH(judge_transfer(payment(kUser, kEscrow, 0), account(kUser, 1), account(kEscrow, 0), std::nullopt),
               "amount");
  EXPECT_DEATH(judge_transfer(payment(kUser, kUser, 1), account(kUser, 1), account(kUser, 0), std::nullopt), "debit");
  EXPECT_DEATH(judge_transfer(payment(kUser, kEscrow, 1), account(kChannel, 1), account(kEscrow, 0), std::nullopt),
               "id");
}

TEST(Ledger, AccountsAreNamedByWhatTheyAre) {
  EXPECT_EQ(kUser.text(), "user:alice");
  EXPECT_EQ(kEscrow.text(), "escrow:s007");
  EXPECT_EQ(kChannel.text(), "channel:demo");
  EXPECT_TRUE(kUser.is_user() && !kUser.is_escrow() && !kUser.may_go_negative());
  EXPECT_TRUE(!kEscrow.is_user() && kEscrow.is_escrow() && !kEscrow.may_go_negative());
  EXPECT_TRUE(!kChannel.is_user() && !kChannel.is_escrow() && kChannel.may_go_negative());
  EXPECT_TRUE(AccountId::due({Region::kNorth, 0}).may_go_negative());
  // A user's name can't reach another kind of account.
  EXPECT_TRUE(AccountId::user(UserId::trusted("channel:demo")).is_user());
}

TEST(Ledger, SettlesOpenedAndRefundedVouchersOnly) {
  Voucher voucher{.no = {42},
                  .packet = kPacket,
                  .kind = VoucherKind::kOpened,
                  .seq = 3,
                  .user = UserId::trusted("bob"),
                  .amount = Money(250),
                  .at = {99}};
  const Transfer opened = effect_of(voucher, {}).transfer.value();
  EXPECT_EQ(opened.id, "voucher:s007:000000000042");
  EXPECT_EQ(opened.debit, kEscrow);
  EXPECT_EQ(opened.credit.text(), "user:bob");
  EXPECT_EQ(opened.amount, Money(250));
  EXPECT_EQ(opened.kind, TransferKind::kOpened);
  EXPECT_EQ(opened.packet, kPacket);
  EXPECT_EQ(opened.at, Timestamp{99});

  voucher.kind = VoucherKind::kRefunded;
  EXPECT_EQ(effect_of(voucher, {}).transfer.value().kind, TransferKind::kRefunded);
  EXPECT_EQ(effect_of(voucher, {}).transfer.value().debit, kEscrow);

  voucher.kind = VoucherKind::kPaid;
  EXPECT_FALSE(effect_of(voucher, {}).transfer);
  EXPECT_TRUE(effect_of(voucher, {}).ends_pending);
}

// Two regions of one ledger each; the shard is South's, and bob at home in North.
const Ledgers kTwo(1, 1);
const LedgerPlace kSouth{{Region::kSouth, 0}, kTwo};
const LedgerPlace kNorth{{Region::kNorth, 0}, kTwo};

Voucher north_voucher(VoucherKind kind) {
  return {.no = {42},
          .packet = kPacket,
          .kind = kind,
          .seq = kind == VoucherKind::kOpened ? 1U : 0U,
          .user = UserId::trusted("bob"),
          .amount = Money(250),
          .at = {99},
          .home = Region::kNorth,
          .paid_in = {Region::kNorth, 0}};
}

std::string text_of(const std::optional<Transfer>& transfer) {
  return transfer ? transfer->debit.text() + " -> " + transfer->credit.text() : "none";
}

TEST(Ledger, BetweenTwoLedgersMoneyGoesByWhatIsDue) {
  EXPECT_EQ(text_of(effect_of(north_voucher(VoucherKind::kPaid), kSouth).transfer), "due:n0 -> escrow:s007");
  EXPECT_EQ(text_of(effect_of(north_voucher(VoucherKind::kPaid), kNorth).transfer), "none");
  for (const VoucherKind kind : {VoucherKind::kOpened, VoucherKind::kRefunded}) {
    const auto there = effect_of(north_voucher(kind), kSouth);
    const auto here = effect_of(north_voucher(kind), kNorth);
    EXPECT_EQ(text_of(there.transfer), "escrow:s007 -> due:n0");
    EXPECT_EQ(text_of(here.transfer), "due:s0 -> user:bob");
    EXPECT_EQ(there.transfer->id, here.transfer->id);
    EXPECT_FALSE(there.ends_pending || here.ends_pending);
  }
}

TEST(Ledger, APaymentEndsWhereItWasMade) {
  EXPECT_FALSE(effect_of(north_voucher(VoucherKind::kPaid), kSouth).ends_pending);
  EXPECT_TRUE(effect_of(north_voucher(VoucherKind::kPaid), kNorth).ends_pending);
  // By a channel, for a sender who is at home in North.
  Voucher channel = north_voucher(VoucherKind::kPaid);
  channel.paid_in = {Region::kSouth, 0};
  EXPECT_TRUE(effect_of(channel, kSouth).ends_pending);
  EXPECT_FALSE(effect_of(channel, kNorth).ends_pending);
  EXPECT_EQ(text_of(effect_of(channel, kSouth).transfer), "none");
  EXPECT_EQ(text_of(effect_of(channel, kNorth).transfer), "none");
}

TEST(Ledger, ALedgerThatIsNotConcernedDoesNothing) {
  const Ledgers three(2, 1);
  const LedgerPlace other{{Region::kSouth, 0}, three};  // the shard's escrow is in s1
  for (const VoucherKind kind : {VoucherKind::kPaid, VoucherKind::kOpened, VoucherKind::kRefunded}) {
    const auto effect = effect_of(north_voucher(kind), other);
    EXPECT_EQ(text_of(effect.transfer), "none");
    EXPECT_FALSE(effect.ends_pending);
  }
}

TEST(Ledger, AVoucherMayNameALedgerThatIsNotThere) {
  EXPECT_TRUE(names_ledgers_of(north_voucher(VoucherKind::kPaid), kTwo));
  EXPECT_FALSE(names_ledgers_of(north_voucher(VoucherKind::kPaid), Ledgers(1, 0)));
  EXPECT_FALSE(names_ledgers_of(north_voucher(VoucherKind::kOpened), Ledgers(1, 0)));
  Voucher paid = north_voucher(VoucherKind::kPaid);
  paid.paid_in.number = 1;
  EXPECT_FALSE(names_ledgers_of(paid, kTwo));
}

TEST(Ledger, TransferIdsOfDifferentCausesDiffer) {
  EXPECT_EQ(deposit_transfer_id(UserId::trusted("ann"), "k"), "deposit:ann:k");
  EXPECT_EQ(wallet_payment_transfer_id("s007-261122-00300003k-ecrka3wj"), "pay:s007-261122-00300003k-ecrka3wj");
  EXPECT_EQ(channel_payment_transfer_id("demo", "p1"), "channel:demo:p1");
  EXPECT_LT(voucher_transfer_id({Region::kSouth, 7}, {99}), voucher_transfer_id({Region::kSouth, 7}, {100}))
      << "they sort by number";
}

TEST(Ledger, NamesTransferKinds) {
  EXPECT_EQ(to_text(TransferKind::kDeposit), "deposit");
  EXPECT_EQ(to_text(TransferKind::kPaid), "paid");
  EXPECT_EQ(to_text(TransferKind::kOpened), "opened");
  EXPECT_EQ(to_text(TransferKind::kRefunded), "refunded");
}

TEST(MoneyDeathTest, OverflowStopsTheProcess) {
  EXPECT_DEATH(Money(INT64_MAX) + Money(1), "");
  EXPECT_DEATH(Money(INT64_MIN) - Money(1), "");
  EXPECT_DEATH(Money(INT64_MAX / 2 + 1) * 2, "");
  EXPECT_EQ(Money(INT64_MAX - 1) + Money(1), Money(INT64_MAX));
}

}  // namespace
}  // namespace hongbao
