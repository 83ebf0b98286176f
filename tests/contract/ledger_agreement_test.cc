// Random sequences of ledger batches: every durable ledger and the one in memory must agree on every outcome and every
// total, and the books must balance after each. RapidCheck prints the seed of a failure; RC_PARAMS="seed=…" plays it
// again.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>

#include "contract/backends.h"
#include "contract/values.h"

namespace hongbao {
namespace {

// Few users, packets and ids, so that repeats, reuses, refusals and second payments are frequent.
class Sequence {
 public:
  explicit Sequence(std::unique_ptr<LedgerBackend> durable) : durable_(std::move(durable)) {}

  void step() {
    now_ = now_ + std::chrono::milliseconds(*rc::gen::inRange(0, 3000));
    if (*rc::gen::inRange(0, 4) == 0) {
      freeze();
    }
    const LedgerBatch batch = make_batch();
    const auto mine = durable().commit(batch).value();
    const auto theirs = memory().commit(batch).value();
    RC_ASSERT((mine.postings == theirs.postings));
    RC_ASSERT((mine.settlements == theirs.settlements));
    RC_ASSERT((mine.retries == theirs.retries));
    if (*rc::gen::inRange(0, 10) == 0) {
      durable_->reopen();
    }
    compare();
  }

 private:
  LedgerStore& durable() { return durable_->store(); }
  LedgerStore& memory() { return memory_->store(); }

  static AccountId random_user() { return AccountId::user(user("u" + std::to_string(*rc::gen::inRange(0, 4)))); }
  static PacketKey random_packet() { return key(*rc::gen::inRange(0U, 6U)); }

  void freeze() {
    const AccountId account = random_user();
    const bool frozen = *rc::gen::arbitrary<bool>();
    RC_ASSERT(durable().set_frozen(account, frozen).has_value());
    RC_ASSERT(memory().set_frozen(account, frozen).has_value());
    RC_ASSERT(durable().frozen(9).value() == memory().frozen(9).value());
  }

  LedgerBatch make_batch() {
    LedgerBatch batch;
    batch.now = now_;
    for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
      batch.postings.push_back(*rc::gen::arbitrary<bool>() ? deposit() : payment());
    }
    VoucherNo next = durable().cursor(kShard).value();
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
      Settlement piece = settlement(next);
      next = next + piece.vouchers.size();
      batch.settlements.push_back(std::move(piece));
    }
    batch.retries = durable().deferred(kShard, now_, 3).value();
    for (auto& retry : batch.retries) {
      retry.next_at = now_ + std::chrono::milliseconds(500);
    }
    return batch;
  }

  Posting deposit() {
    Posting posting = unlimited_deposit();
    if (*rc::gen::arbitrary<bool>()) {
      posting.daily_limit = DailyLimit{{*rc::gen::inRange(20'000, 20'003)}, Money(*rc::gen::inRange(20, 200))};
    }
    return posting;
  }
  Posting unlimited_deposit() {
    return {{.id = "d" + std::to_string(*rc::gen::inRange(0, 30)),
             .debit = AccountId::channel("bank"),
             .credit = random_user(),
             .amount = Money(*rc::gen::inRange(1, 50)),
             .kind = TransferKind::kDeposit,
             .at = now_}};
  }
  Posting payment() {
    return {{.id = "p" + std::to_string(*rc::gen::inRange(0, 20)),
             .debit = *rc::gen::inRange(0, 4) == 0 ? AccountId::channel("bank") : random_user(),
             .credit = AccountId::escrow(kShard),
             .amount = Money(*rc::gen::inRange(1, 50)),
             .kind = TransferKind::kPaid,
             .packet = random_packet(),
             .at = now_},
            "token",
            random_send()};
  }
  // Fewer than there are packets, and sometimes none.
  static std::optional<SendKey> random_send() {
    const auto send = *rc::gen::inRange<uint8_t>(0, 5);
    return send == 0 ? std::nullopt : std::optional(SendKey{send});
  }
  Settlement settlement(VoucherNo next) {
    // Sometimes late or early.
    const VoucherNo from{next.value + (*rc::gen::inRange(0, 6) == 0 ? 1U : 0U)};
    Settlement piece{.shard = kShard, .from = from, .vouchers = {}};
    for (uint64_t i = *rc::gen::inRange(0U, 4U); i > 0; --i) {
      const uint64_t no = from.value + piece.vouchers.size();
      const std::string name = "u" + std::to_string(*rc::gen::inRange(0, 4));
      const PacketKey packet = random_packet();
      const int64_t amount = *rc::gen::inRange(1, 30);
      switch (*rc::gen::inRange(0, 3)) {
        case 0:
          piece.vouchers.push_back(paid(no, order(packet, amount, 1)));
          break;
        case 1:
          piece.vouchers.push_back(opened(no, packet, 1, name, amount, now_));
          break;
        default:
          piece.vouchers.push_back(refunded(no, packet, name, amount, now_));
      }
    }
    return piece;
  }

  void compare() {
    compare_totals();
    compare_lists();
    for (int i = 0; i < 4; ++i) {
      compare_account(AccountId::user(user("u" + std::to_string(i))));
    }
    compare_account(AccountId::channel("bank"));
    compare_account(AccountId::escrow(kShard));
  }

  void compare_totals() {
    const auto mine = durable().totals({kShard, kOtherShard}).value();
    const auto theirs = memory().totals({kShard, kOtherShard}).value();
    const auto values = [](const LedgerTotals& totals) {
      return std::tuple(totals.accounts, totals.transfers, totals.sum_over_accounts, totals.sum_over_transfers,
                        totals.debits_posted, totals.credits_posted, totals.accounts_negative);
    };
    RC_ASSERT((values(mine) == values(theirs)));
    RC_ASSERT((mine.sum_over_accounts == Money(0)));
    RC_ASSERT((mine.sum_over_transfers == mine.debits_posted && mine.debits_posted == mine.credits_posted));
    RC_ASSERT(mine.accounts_negative == 0U);
    for (size_t i = 0; i < 2; ++i) {
      const auto shard_values = [](const LedgerTotals::Shard& shard) {
        return std::tuple(shard.shard, shard.cursor, shard.escrow, shard.pending, shard.pending_count, shard.deferred,
                          shard.deferred_count);
      };
      RC_ASSERT((shard_values(mine.shards[i]) == shard_values(theirs.shards[i])));
    }
  }

  void compare_account(const AccountId& id) {
    const Account mine = durable().account(id).value();
    const Account theirs = memory().account(id).value();
    RC_ASSERT((mine.debits_posted == theirs.debits_posted && mine.credits_posted == theirs.credits_posted));
    RC_ASSERT(mine.frozen == theirs.frozen);
    compare_pages(id);
  }

  // Numbers are a store's own, and may have gaps; they rise with every transfer.
  void compare_pages(const AccountId& id) {
    ListPosition my_before = kListTop;
    ListPosition their_before = kListTop;
    for (int page = 0; page < 3; ++page) {
      const auto mine = durable().transfers(id, my_before, 3).value();
      const auto theirs = memory().transfers(id, their_before, 3).value();
      RC_ASSERT(mine.size() == theirs.size());
      for (size_t i = 0; i < mine.size(); ++i) {
        RC_ASSERT(mine[i].position() < my_before);
        RC_ASSERT(mine[i].transfer.id == theirs[i].transfer.id);
        RC_ASSERT(mine[i].transfer.same_content(theirs[i].transfer));
        my_before = mine[i].position();
        their_before = theirs[i].position();
      }
    }
  }

  void compare_lists() {
    const auto pending = [&](LedgerStore& store) {
      std::vector<std::tuple<PacketKey, Money, std::string, Timestamp>> list;
      const auto all = store.pending(kShard, now_, 4).value();
      for (const auto& payment : all) {
        list.emplace_back(payment.packet, payment.amount, payment.pay_token, payment.at);
      }
      return list;
    };
    RC_ASSERT((pending(durable()) == pending(memory())));
    const auto deferred = [&](LedgerStore& store) {
      std::vector<std::tuple<std::string, TransferVerdict, uint32_t, Timestamp>> list;
      const auto all = store.deferred(kShard, now_ + std::chrono::seconds(1), 4).value();
      for (const auto& entry : all) {
        list.emplace_back(entry.transfer.id, entry.reason, entry.attempts, entry.next_at);
      }
      return list;
    };
    RC_ASSERT((deferred(durable()) == deferred(memory())));
  }

  std::unique_ptr<LedgerBackend> durable_;
  std::unique_ptr<LedgerBackend> memory_ = make_memory_ledger();
  Timestamp now_ = kNoon;
};

class LedgerStoreAgreement : public testing::TestWithParam<BackendMaker<LedgerStore>> {};

INSTANTIATE_TEST_SUITE_P(Adapters, LedgerStoreAgreement, testing::ValuesIn(durable_ledger_backends()),
                         backend_name<LedgerStore>);

TEST_P(LedgerStoreAgreement, AgreesWithMemoryOnRandomBatches) {
  EXPECT_TRUE(rc::check([] {
    Sequence sequence(GetParam().make());
    for (int steps = *rc::gen::inRange(1, 25); steps > 0; --steps) {
      sequence.step();
    }
  }));
}

}  // namespace
}  // namespace hongbao
