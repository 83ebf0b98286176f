// Several processes that write one ledger and one inbox in MariaDB, and connections that break during COMMIT: money is
// conserved, and every part takes effect exactly once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "adapters/mariadb/inbox_store.h"
#include "adapters/mariadb/ledger_store.h"
#include "contract/cutting_proxy.h"
#include "contract/engines.h"
#include "contract/values.h"

namespace hongbao::mariadb_writers_test {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

const AccountId kChannel = AccountId::channel("bank");
const AccountId kEscrow = AccountId::escrow(kShard);

AccountId wallet(const std::string& name) {
  return AccountId::user(user(name));
}
Posting deposit(const std::string& id, const AccountId& to, int64_t amount) {
  return {{.id = id,
           .debit = kChannel,
           .credit = to,
           .amount = Money(amount),
           .kind = TransferKind::kDeposit,
           .at = kNoon}};
}
Posting payment(const std::string& id, const AccountId& from, const PacketKey& packet, int64_t amount) {
  return {{.id = id,
           .debit = from,
           .credit = AccountId::escrow(packet.shard),
           .amount = Money(amount),
           .kind = TransferKind::kPaid,
           .packet = packet,
           .at = kNoon},
          "token"};
}

// A store refuses when the other one was in its way too often; then a caller repeats, as service/ledger_committer.h
// does.
template <class Function>
auto until_done(Function function) {
  constexpr int tries_max = 50;
  for (int tries = 1;; ++tries) {
    auto result = function();
    if (result || tries == tries_max) {
      return result.value();
    }
  }
}

class MariadbLedgerWriters : public testing::Test {
 protected:
  std::unique_ptr<LedgerStore> open(const mariadb::Server& server = test_mariadb()) {
    return mariadb::LedgerStore::open(server, database_.name()).value();
  }
  static LedgerResult commit(LedgerStore& store, const LedgerBatch& batch) {
    return until_done([&] { return store.commit(batch); });
  }
  static void fund(LedgerStore& store, const AccountId& account, int64_t amount) {
    const auto result = commit(store, {.postings = {deposit("fund:" + account.text(), account, amount)}, .now = kNoon});
    ASSERT_THAT(result.postings, ElementsAre(PostOutcome::kPosted));
  }
  static void expect_books_balance(LedgerStore& store) {
    const auto totals = store.totals({kShard, kOtherShard}).value();
    EXPECT_EQ(totals.sum_over_accounts, Money(0));
    EXPECT_EQ(totals.sum_over_transfers, totals.debits_posted);
    EXPECT_EQ(totals.accounts_negative, 0U);
  }

  ScratchDatabase database_{mariadb::ledger_database(scratch_prefix())};
};

// Both settle all of the log, deposit under the same ids, and pay the same packets, each from another wallet.
class Node {
 public:
  static constexpr uint64_t kRounds = 40;
  static constexpr uint64_t kVouchers = 20;  // a round
  static constexpr uint32_t kUsers = 7;

  Node(LedgerStore& store, std::string name) : store_(store), name_(std::move(name)) {}

  void play() {
    for (uint64_t round = 0; round < kRounds; ++round) {
      play(round);
    }
  }

  std::vector<LedgerResult> results;

 private:
  void play(uint64_t round) {
    const uint64_t from = 1 + round * kVouchers;
    Settlement piece{.shard = kShard, .from = {from}, .vouchers = {}};
    for (uint64_t no = from; no < from + kVouchers; ++no) {
      piece.vouchers.push_back(opened(no, key(1), static_cast<uint32_t>(no), taker(no), 1));
    }
    const std::string number = std::to_string(round);
    const auto paying = wallet(name_ == "a" ? taker(round) : taker(round + 1));
    const LedgerBatch batch{
        .postings = {deposit("d" + number, wallet(taker(round)), 5),
                     payment("pay:" + name_ + number, paying, key(static_cast<uint32_t>(100 + round)), 2)},
        .settlements = {piece},
        .now = kNoon};
    results.push_back(until_done([&] { return store_.commit(batch); }));
  }
  static std::string taker(uint64_t i) { return "u" + std::to_string(i % kUsers); }

  LedgerStore& store_;
  const std::string name_;
};

TEST_F(MariadbLedgerWriters, TwoAtOnceApplyEveryPartOnce) {
  const auto first = open();
  const auto second = open();
  fund(*first, kEscrow, 10'000);
  for (uint32_t i = 0; i < Node::kUsers; ++i) {
    fund(*first, wallet("u" + std::to_string(i)), 1'000);
  }
  Node a(*first, "a");
  Node b(*second, "b");
  std::thread other([&] { b.play(); });
  a.play();
  other.join();
  for (uint64_t round = 0; round < Node::kRounds; ++round) {
    const LedgerResult& mine = a.results[round];
    const LedgerResult& theirs = b.results[round];
    EXPECT_NE(mine.settlements[0], theirs.settlements[0]) << round;
    EXPECT_EQ(std::min(mine.postings[0].outcome, theirs.postings[0].outcome), PostOutcome::kPosted) << round;
    EXPECT_EQ(std::max(mine.postings[0].outcome, theirs.postings[0].outcome), PostOutcome::kDuplicate) << round;
    EXPECT_EQ(std::min(mine.postings[1].outcome, theirs.postings[1].outcome), PostOutcome::kPosted) << round;
    EXPECT_EQ(std::max(mine.postings[1].outcome, theirs.postings[1].outcome), PostOutcome::kAlreadyPaid) << round;
  }
  expect_books_balance(*first);
  const auto totals = first->totals({kShard}).value();
  EXPECT_EQ(totals.shards[0].cursor, VoucherNo{1 + Node::kRounds * Node::kVouchers});
  EXPECT_EQ(totals.shards[0].pending_count, Node::kRounds);
  EXPECT_EQ(totals.shards[0].deferred_count, 0U);
  EXPECT_EQ(totals.transfers, 1 + Node::kUsers + Node::kRounds * (Node::kVouchers + 2));
  EXPECT_EQ(totals.shards[0].escrow, Money(10'000 + Node::kRounds * (2 - Node::kVouchers)));
}

TEST_F(MariadbLedgerWriters, TwoAtOnceSpendAWalletOnlyOnce) {
  const auto first = open();
  const auto second = open();
  constexpr uint32_t payments = 60;
  fund(*first, wallet("ann"), payments);
  const auto play = [](LedgerStore& store, const std::string& name, uint32_t from) {
    uint32_t paid = 0;
    for (uint32_t i = 0; i < payments; ++i) {
      const auto posting = payment("pay:" + name + std::to_string(i), wallet("ann"), key(from + i), 1);
      paid += commit(store, {.postings = {posting}, .now = kNoon}).postings[0] == PostOutcome::kPosted ? 1 : 0;
    }
    return paid;
  };
  uint32_t theirs = 0;
  std::thread other([&] { theirs = play(*second, "b", 1'000); });
  const uint32_t mine = play(*first, "a", 0);
  other.join();
  EXPECT_EQ(mine + theirs, payments);
  EXPECT_EQ(first->account(wallet("ann")).value().balance(), Money(0));
  expect_books_balance(*first);
}

TEST_F(MariadbLedgerWriters, TwoAtOnceNeverPassADaysLimit) {
  const auto first = open();
  const auto second = open();
  constexpr int tries = 60;  // each, of 1 fen; half of them fit
  const auto play = [](LedgerStore& store, const std::string& name) {
    int posted = 0;
    for (int i = 0; i < tries; ++i) {
      Posting posting = deposit(name + std::to_string(i), wallet(name), 1);
      posting.daily_limit = DailyLimit{kToday, Money(tries)};
      posted += commit(store, {.postings = {posting}, .now = kNoon}).postings[0] == PostOutcome::kPosted ? 1 : 0;
    }
    return posted;
  };
  int theirs = 0;
  std::thread other([&] { theirs = play(*second, "b"); });  // both find no day, and no account, at first
  const int mine = play(*first, "a");
  other.join();
  EXPECT_EQ(mine + theirs, tries);
  EXPECT_EQ(first->account(kChannel).value().balance(), Money(-tries));
  expect_books_balance(*first);
}

// No account is touched by both: they meet at the send's key alone.
TEST_F(MariadbLedgerWriters, TwoAtOncePayOnePacketOfASend) {
  const auto first = open();
  const auto second = open();
  constexpr uint8_t sends = 60;
  const auto play = [](LedgerStore& store, const std::string& channel, ShardId shard) {
    std::vector<Posted> told;
    for (uint8_t i = 1; i <= sends; ++i) {
      Posting posting = payment("channel:" + channel + ":" + std::to_string(i), AccountId::channel(channel),
                                key(i, kToday, shard), 1);
      posting.send_key = SendKey{i};
      told.push_back(commit(store, {.postings = {posting}, .now = kNoon}).postings[0]);
    }
    return told;
  };
  std::vector<Posted> theirs;
  std::thread other([&] { theirs = play(*second, "b", kOtherShard); });
  const std::vector<Posted> mine = play(*first, "a", kShard);
  other.join();
  for (uint8_t i = 0; i < sends; ++i) {
    const bool is_mine = mine[i] == PostOutcome::kPosted;
    const PacketKey paid = key(i + 1U, kToday, is_mine ? kShard : kOtherShard);
    const Posted refused{PostOutcome::kAlreadyPaid, paid};
    EXPECT_EQ(is_mine ? theirs[i] : mine[i], refused) << int{i};
    EXPECT_EQ(is_mine ? mine[i] : theirs[i], PostOutcome::kPosted) << int{i};
  }
  EXPECT_EQ(first->totals({kShard, kOtherShard}).value().transfers, sends);
  expect_books_balance(*first);
}

TEST_F(MariadbLedgerWriters, PositionsCountAWalletsTransfersWhicheverWrites) {
  const auto first = open();
  const auto second = open();
  constexpr int deposits = 50;
  const auto play = [](LedgerStore& store, const std::string& name) {
    for (int i = 0; i < deposits; ++i) {
      (void)commit(store, {.postings = {deposit(name + std::to_string(i), wallet("ann"), 1)}, .now = kNoon});
    }
  };
  std::thread other([&] { play(*second, "b"); });
  play(*first, "a");
  other.join();
  const auto list = first->transfers(wallet("ann"), kListTop, 1'000).value();
  ASSERT_THAT(list, SizeIs(2 * deposits));
  for (size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(list[i].no, list.size() - i);
  }
}

TEST_F(MariadbLedgerWriters, AnAccountThatIsFrozenInTheMiddleReceivesOrWaits) {
  const auto settling = open();
  const auto freezing = open();
  constexpr uint64_t pieces = 60;
  fund(*settling, kEscrow, 1'000);
  std::atomic<bool> done = false;
  std::thread other([&] {
    for (bool frozen = true; !done; frozen = !frozen) {
      until_done([&] { return freezing->set_frozen(wallet("ann"), frozen); });
    }
  });
  for (uint64_t no = 1; no <= pieces; ++no) {
    const Settlement piece{.shard = kShard, .from = {no}, .vouchers = {opened(no, key(1), 1, "ann", 1)}};
    EXPECT_THAT(commit(*settling, {.settlements = {piece}, .now = kNoon}).settlements,
                ElementsAre(SettleOutcome::kSettled));
  }
  done = true;
  other.join();
  expect_books_balance(*settling);
  const auto totals = settling->totals({kShard}).value();
  const Money received = settling->account(wallet("ann")).value().balance();
  EXPECT_EQ(received + totals.shards[0].deferred, Money(pieces));
  EXPECT_EQ(totals.shards[0].escrow, Money(1'000) - received);
}

TEST_F(MariadbLedgerWriters, AProcessThatStoppedInATransactionHoldsUpTheOthersForALittleWhile) {
  const auto store = open();
  fund(*store, wallet("ann"), 100);
  auto stopped = mariadb::Database::open(test_mariadb(), database_.name().name, mariadb::Database::Mode::kWrite);
  stopped.execute("UPDATE account SET frozen = 1");
  EXPECT_THAT(store->commit({.postings = {deposit("d1", wallet("ann"), 5)}, .now = kNoon}).value().postings,
              ElementsAre(PostOutcome::kPosted));
  EXPECT_THROW(stopped.commit(), mariadb::MariadbError);
}

class MariadbCutCommits : public MariadbLedgerWriters, public testing::WithParamInterface<CuttingProxy::Cut> {
 protected:
  CuttingProxy proxy_{test_mariadb()};
};

std::string cut_name(const testing::TestParamInfo<CuttingProxy::Cut>& info) {
  switch (info.param) {
    case CuttingProxy::Cut::kBeforeCommit:
      return "before";
    case CuttingProxy::Cut::kAfterCommit:
      return "after";
    default:
      return "late";
  }
}

INSTANTIATE_TEST_SUITE_P(Cuts, MariadbCutCommits,
                         testing::Values(CuttingProxy::Cut::kBeforeCommit, CuttingProxy::Cut::kAfterCommit,
                                         CuttingProxy::Cut::kLateCommit),
                         cut_name);

TEST_P(MariadbCutCommits, ARepeatedBatchTakesEffectOnce) {
  const auto store = open(proxy_.server());
  fund(*store, kEscrow, 100);
  fund(*store, wallet("ann"), 100);
  const LedgerBatch batch{
      .postings = {deposit("d1", wallet("new"), 5), payment("pay:1", wallet("ann"), key(1), 20)},
      .settlements = {{kShard, {1}, {opened(1, key(9), 1, "bob", 30), paid(2, order(key(1), 20, 1))}}},
      .now = kNoon};
  proxy_.cut_next_commit(GetParam());
  ASSERT_FALSE(store->commit(batch).has_value());
  const LedgerResult again = store->commit(batch).value();
  const bool landed = GetParam() != CuttingProxy::Cut::kBeforeCommit;
  const PostOutcome outcome = landed ? PostOutcome::kDuplicate : PostOutcome::kPosted;
  EXPECT_THAT(again.postings, ElementsAre(outcome, outcome));
  EXPECT_THAT(again.settlements, ElementsAre(landed ? SettleOutcome::kElsewhere : SettleOutcome::kSettled));
  EXPECT_EQ(store->account(wallet("new")).value().balance(), Money(5));
  EXPECT_EQ(store->account(wallet("ann")).value().balance(), Money(80));
  EXPECT_EQ(store->account(wallet("bob")).value().balance(), Money(30));
  EXPECT_EQ(store->account(kEscrow).value().balance(), Money(90));
  EXPECT_EQ(store->cursor(kShard).value(), VoucherNo{3});
  EXPECT_EQ(store->totals({}).value().transfers, 5U);
  expect_books_balance(*store);
}

TEST_P(MariadbCutCommits, AnotherPaymentOfThePacketIsDecidedBehindTheFirst) {
  const auto store = open(proxy_.server());
  fund(*store, wallet("ann"), 100);
  proxy_.cut_next_commit(GetParam());
  ASSERT_FALSE(store->commit({.postings = {payment("pay:1", wallet("ann"), key(1), 20)}, .now = kNoon}).has_value());
  const auto other = store->commit({.postings = {payment("channel:x", kChannel, key(1), 20)}, .now = kNoon}).value();
  const bool landed = GetParam() != CuttingProxy::Cut::kBeforeCommit;
  EXPECT_THAT(other.postings, ElementsAre(landed ? PostOutcome::kAlreadyPaid : PostOutcome::kPosted));
  EXPECT_EQ(store->totals({kShard}).value().shards[0].pending, Money(20));
  expect_books_balance(*store);
}

TEST_P(MariadbCutCommits, AFreezeIsDecidedBehindWhatTheAccountWasReceiving) {
  const auto store = open(proxy_.server());
  fund(*store, kEscrow, 100);
  proxy_.cut_next_commit(GetParam());
  const Settlement piece{kShard, {1}, {opened(1, key(1), 1, "ann", 30)}};
  ASSERT_FALSE(store->commit({.settlements = {piece}, .now = kNoon}).has_value());
  ASSERT_TRUE(store->set_frozen(wallet("ann"), true).has_value());
  const Money before = store->account(wallet("ann")).value().balance();
  const bool landed = GetParam() != CuttingProxy::Cut::kBeforeCommit;
  EXPECT_EQ(before, Money(landed ? 30 : 0));
  (void)commit(*store, {.settlements = {piece}, .now = kNoon});
  EXPECT_EQ(store->account(wallet("ann")).value().balance(), before);
  EXPECT_EQ(store->totals({kShard}).value().shards[0].deferred, Money(30) - before);
}

TEST_P(MariadbCutCommits, AnInboxBatchIsAppliedOnce) {
  const ScratchDatabase database(mariadb::inbox_database(scratch_prefix()));
  const auto store = mariadb::InboxStore::open(proxy_.server(), database.name()).value();
  ASSERT_TRUE(store->apply({kShard, {1}, {paid(1, order(key(1), 100, 2))}}).value());
  const InboxBatch batch{kShard, {2}, {opened(2, key(1), 1, "ann", 30), refunded(3, key(1), "sender", 70)}};
  proxy_.cut_next_commit(GetParam());
  ASSERT_FALSE(store->apply(batch).has_value());
  EXPECT_EQ(store->apply(batch).value(), GetParam() == CuttingProxy::Cut::kBeforeCommit);
  EXPECT_EQ(store->cursor(kShard).value(), VoucherNo{4});
  EXPECT_THAT(store->received(user("ann"), kListTop, 10).value(), SizeIs(1));
  EXPECT_EQ(store->summary(user("ann"), 2026).value().received_total, Money(30));
  EXPECT_EQ(store->summary(user("sender"), 2026).value().refunded_total, Money(70));
}

TEST(MariadbInboxWriters, TwoAtOnceApplyEveryBatchOnce) {
  const ScratchDatabase database(mariadb::inbox_database(scratch_prefix()));
  constexpr uint64_t batches = 40;
  constexpr uint64_t vouchers = 25;
  // Both follow both shards.
  const auto play = [&](InboxStore& store, uint64_t& applied) {
    for (uint64_t from = 1; from <= batches * vouchers; from += vouchers) {
      for (const ShardId shard : {kShard, kOtherShard}) {
        InboxBatch batch{shard, {from}, {}};
        for (uint64_t no = from; no < from + vouchers; ++no) {
          batch.vouchers.push_back(opened(no, key(1, kToday, shard), static_cast<uint32_t>(no), "ann", 1));
        }
        applied += until_done([&] { return store.apply(batch); }) ? 1 : 0;
      }
    }
  };
  const auto first = mariadb::InboxStore::open(test_mariadb(), database.name()).value();
  const auto second = mariadb::InboxStore::open(test_mariadb(), database.name()).value();
  uint64_t mine = 0;
  uint64_t theirs = 0;
  std::thread other([&] { play(*second, theirs); });
  play(*first, mine);
  other.join();
  EXPECT_EQ(mine + theirs, 2 * batches);
  EXPECT_EQ(first->summary(user("ann"), 2026).value().received_count, 2 * batches * vouchers);
  EXPECT_EQ(first->cursor(kShard).value(), VoucherNo{1 + batches * vouchers});
}

}  // namespace
}  // namespace hongbao::mariadb_writers_test
