// A random life of a few packets: every operation, in any order, with crashes in between. Whatever happens, the audit
// balances after each step, and at the end every fen of every packet is where its log says.
//
// HONGBAO_SEED=<n> replays one run.
#include <fmt/format.h>

#include <cstdlib>
#include <random>

#include "service/service_fixture.h"

namespace hongbao {
namespace {

class RandomLife {
 public:
  RandomLife(uint64_t seed, uint8_t ledger_count) : random_(seed), at_(3, ledger_count) {
    for (int i = 0; i < kUsers; ++i) {
      at_.deposit(name(i), 2'000);
      deposited_ += 2'000;
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      step();
      at_.expect_balanced(false);
    }
  }

  // Ends everything that is on its way, and checks where the money went.
  void finish() {
    for (int i = 0; i < kUsers; ++i) {
      at_.set_frozen(name(i), false);
    }
    at_.clock.advance(kPayable + kPacketTtl + kGrace);
    ASSERT_TRUE(at_.reconcile());
    at_.refund();
    at_.clock.advance(kPacketTtl);
    at_.refund();
    at_.settle();
    ASSERT_TRUE(at_.reconcile());
    at_.expect_balanced();
    expect_nothing_due();
    expect_all_money_in_wallets();
    for (const PreOrder& packet : sent_) {
      expect_shares_sum_up(packet.order.key);
    }
  }

  [[nodiscard]] size_t shares_opened() const {
    size_t count = 0;
    for (const auto& [packet, shares] : shares_) {
      count += shares.size();
    }
    return count;
  }

 private:
  static constexpr int kUsers = 6;

  static std::string name(int i) { return fmt::format("user{}", i); }
  uint64_t below(uint64_t n) { return random_() % n; }
  std::string somebody() { return name(static_cast<int>(below(kUsers))); }
  const PreOrder& some_packet() { return sent_[below(sent_.size())]; }

  void step() {
    const uint64_t dice = sent_.empty() ? 0 : below(100);
    if (dice < 8) {
      send();
    } else if (dice < 18) {
      pay();
    } else if (dice < 28) {
      accept();
    } else if (dice < 34) {
      crash_while_paying();
    } else if (dice < 74) {
      open();
    } else if (dice < 82) {
      (void)at_.settle_once(*at_.use_cases.settlers[below(at_.use_cases.settlers.size())]);
    } else if (dice < 86) {
      ASSERT_TRUE(at_.reconcile());
    } else if (dice < 88) {
      at_.refund();
    } else if (dice < 92) {
      at_.set_frozen(somebody(), below(2) == 0);
    } else if (dice < 95) {
      at_.clock.advance(std::chrono::minutes(below(20)));
    } else if (dice < 96) {
      at_.clock.advance(std::chrono::hours(below(13)));
    } else if (dice < 98) {
      at_.restart_shards();
    } else {
      at_.ledger.fail_commits(static_cast<int>(below(8)), /*after=*/below(2) == 0);
      (void)at_.settle_once();
      at_.ledger.fail_commits(0);
    }
  }

  void send() {
    const auto count = static_cast<uint32_t>(1 + below(kUsers));
    const auto total = static_cast<int64_t>(count + below(500));
    sent_.push_back(at_.sent(somebody(), below(6) == 0 ? exclusive(total, somebody()) : lucky(total, count)));
  }

  void pay() {
    const PreOrder& packet = some_packet();
    (void)at_.pay(below(8) == 0 ? somebody() : packet.order.sender.text(), packet);
  }

  void accept() {
    const PreOrder& packet = some_packet();
    // A ledger refuses an id that it knows for another packet; of several ledgers each knows its own.
    const std::string payment_id = at_.all_ledgers.all().size() == 1
                                       ? fmt::format("payment-{}", below(30))
                                       : fmt::format("payment-{}-{}", at_.ids.print(packet.order.key), below(3));
    // Unknown: it is on its way to the packet, or back to a wallet that is frozen now.
    if (const auto taken = at_.accept(packet, payment_id); taken || error_of(taken) == ErrorCode::kOutcomeUnknown) {
      accepted_.emplace(payment_id, packet.order.total.fen());
    }
  }

  void crash_while_paying() {
    const PreOrder& packet = some_packet();
    const AccountId wallet = AccountId::user(packet.order.sender);
    LedgerStore& ledger = at_.ledger_of(packet.order.sender.text()).store;
    const auto account = ledger.account(wallet).value();
    const bool known = at_.view(packet.order.key)->state != PacketState::kAwaitingPayment;
    if (!known && !account.frozen && account.balance() >= packet.order.total &&
        crashed_.insert(packet.order.key).second &&
        !ledger.transfer(wallet_payment_transfer_id(at_.ids.print(packet.order.key))).value()) {
      at_.debit_without_activation(packet);
    }
  }

  void open() {
    const PreOrder& packet = some_packet();
    const std::string taker = somebody();
    const auto ticket = at_.tickets.print(packet.order.key, user(taker), at_.clock.now() + kTicketTtl);
    const auto opened = at_.open(packet.order.key, taker, ticket);
    if (opened && opened->share) {
      const auto [it, first] = shares_[packet.order.key].emplace(taker, *opened->share);
      EXPECT_EQ(it->second.amount, opened->share->amount);
      EXPECT_EQ(it->second.seq, opened->share->seq);
      EXPECT_EQ(it->second.voucher, opened->share->voucher);
    }
  }

  // Two ledgers owe each other nothing once all is settled.
  void expect_nothing_due() {
    const auto report = at_.audit.run(/*deep=*/false).value();
    for (const DuePair& pair : report.dues) {
      EXPECT_EQ(pair.due, Money(0)) << to_text(pair.one) << " and " << to_text(pair.other);
    }
  }

  void expect_all_money_in_wallets() {
    int64_t in_wallets = 0;
    for (int i = 0; i < kUsers; ++i) {
      in_wallets += at_.wallet(name(i));
    }
    int64_t accepted = 0;
    for (const auto& [payment_id, amount] : accepted_) {
      accepted += amount;
    }
    EXPECT_EQ(in_wallets, deposited_ + accepted);
  }

  // What takers were told is what the log holds, and with the refund it is the total.
  void expect_shares_sum_up(const PacketKey& key) {
    const auto stored = at_.orders.at(key.shard)->load(key).value();
    if (!stored) {
      EXPECT_EQ(shares_.count(key), 0U);
      return;
    }
    EXPECT_TRUE(is_finished(stored->state));
    Money sum = stored->refunded ? stored->refunded->amount : Money(0);
    for (const Voucher& voucher : stored->opened) {
      sum += voucher.amount;
      const Share& told = shares_.at(key).at(voucher.user.text());
      EXPECT_EQ(told.amount, voucher.amount);
      EXPECT_EQ(told.voucher, voucher.no);
    }
    EXPECT_EQ(sum, stored->order.total);
    EXPECT_EQ(stored->opened.size(), shares_[key].size());
    EXPECT_LE(stored->opened.size(), stored->order.count);
  }

  std::mt19937_64 random_;
  Deployment at_;
  int64_t deposited_ = 0;
  std::vector<PreOrder> sent_;
  std::set<PacketKey> crashed_;
  std::map<std::string, int64_t> accepted_;  // what the channel was told we took, by payment id
  std::map<PacketKey, std::map<std::string, Share>> shares_;
};

// How a life ends does not depend on how many ledgers there are.
class Conservation : public testing::TestWithParam<uint8_t> {};
INSTANTIATE_TEST_SUITE_P(Ledgers, Conservation, testing::Values(1, 2, 3));

TEST_P(Conservation, NoFenIsLostOrMintedInRandomLives) {
  const char* replay = std::getenv("HONGBAO_SEED");
  const uint64_t first = replay != nullptr ? std::strtoull(replay, nullptr, 10) : 1;
  const uint64_t last = replay != nullptr ? first : 20;
  for (uint64_t seed = first; seed <= last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("replay with HONGBAO_SEED={}", seed));
    RandomLife life(seed, GetParam());
    life.run(300);
    life.finish();
    EXPECT_GT(life.shares_opened(), 0U) << "nothing happened in this life";
  }
}

}  // namespace
}  // namespace hongbao
