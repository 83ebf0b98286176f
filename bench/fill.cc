// hongbao-fill: puts exhausted packets into the order stores of a data directory that no server uses, and moves the
// cursors of ledger and inbox behind them, as years of service would leave it. Exhausted packets hold no money, so the
// audit balances. For `./run bench scale`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "adapters/sqlite/data_dir.h"
#include "adapters/sqlite/database.h"
#include "adapters/sqlite/inbox_store.h"
#include "adapters/sqlite/ledger_store.h"
#include "adapters/sqlite/order_store.h"
#include "apps/data_checks.h"
#include "apps/data_identity.h"
#include "base/check.h"
#include "base/crypto.h"

namespace hongbao::bench {
namespace {

constexpr uint32_t kShares = 10;
constexpr uint32_t kPacketsAtOnce = 500;
constexpr uint32_t kUsers = 1'000'000;

// One packet with all its vouchers, from voucher `no` on.
void add_packet(CommitBatch& batch, ShardId shard, uint32_t epoch, uint32_t counter, Timestamp now) {
  Order order{.key = {shard, Day::of(now), LocalNo::of(epoch, counter)},
              .sender = UserId::trusted(fmt::format("sender-{}", counter % kUsers)),
              .total = Money(100) * kShares,
              .count = kShares,
              .created_at = now,
              .payable_until = now,
              .paid_at = now,
              .expires_at = now + std::chrono::hours(24)};
  batch.vouchers.push_back({batch.next(), order.key, VoucherKind::kPaid, 0, order.sender, order.total, now});
  for (uint32_t seq = 1; seq <= kShares; ++seq) {
    // A multiplier that is coprime to kUsers spreads the takers as life does, and gives each packet different ones.
    const auto user = static_cast<uint32_t>((uint64_t{counter} * kShares + seq) * 7'919 % kUsers);
    batch.vouchers.push_back({batch.next(), order.key, VoucherKind::kOpened, seq,
                              UserId::trusted(fmt::format("user-{:06}", user)), Money(100), now});
  }
  batch.finished.push_back({order.key, PacketState::kExhausted});
  batch.activated.push_back(std::move(order));
}

VoucherNo fill(const std::string& dir, ShardId shard, uint64_t vouchers) {
  auto store = sqlite::OrderStore::open(dir + "/" + order_file(shard), shard,
                                        {.deployment = read_identity(dir).value()->deployment})
                   .value();
  const ShardHead head = store->acquire("hongbao-fill", std::chrono::minutes(1)).value();
  const Timestamp now = SystemClock().now();
  CommitBatch batch{
      .epoch = head.epoch, .expected_next = head.next_voucher, .activated = {}, .vouchers = {}, .finished = {}};
  for (uint32_t counter = 0; batch.expected_next.value < vouchers;) {
    for (uint32_t i = 0; i < kPacketsAtOnce; ++i) {
      add_packet(batch, shard, head.epoch, counter++, now);
    }
    CHECK(store->commit(batch) == CommitOutcome::kCommitted);
    batch.expected_next = batch.next();
    batch.clear();
  }
  CHECK(store->release(head.epoch).has_value());
  return batch.expected_next;
}

void move_cursor(const std::string& file, ShardId shard, VoucherNo next) {
  auto database = sqlite::Database::open_writer(file);
  sqlite::Statement upsert = database.prepare("INSERT OR REPLACE INTO cursor(shard, next_voucher) VALUES (?, ?)");
  upsert.run(shard, next);
}

void fill_all(const std::string& dir, uint16_t shards, uint64_t vouchers) {
  const auto lock = sqlite::DataDir::lock(dir).value();
  for (const char* file : {"/ledger.db", "/inbox.db"}) {
    CHECK(std::filesystem::exists(dir + file));  // start hongbaod there once
  }
  for (uint16_t number = 0; number < shards; ++number) {
    const ShardId shard{Region::kSouth, number};
    const VoucherNo next = fill(dir, shard, vouchers / shards);
    move_cursor(dir + "/ledger.db", shard, next);
    move_cursor(dir + "/inbox.db", shard, next);
    fmt::print(stderr, "{}: {} vouchers\n", to_text(shard), next.value - 1);
  }
}

}  // namespace
}  // namespace hongbao::bench

int main(int argc, char** argv) {
  hongbao::init_crypto();
  CLI::App app("Fills the data directory of a stopped server with exhausted packets.", "hongbao-fill");
  std::string dir;
  uint16_t shards = 4;
  uint64_t vouchers = 20'000'000;
  app.add_option("--data-dir", dir)->required()->check(CLI::ExistingDirectory);
  app.add_option("--shards", shards, "As the server's shards.count")->capture_default_str();
  app.add_option("--vouchers", vouchers, "In all shards together")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  hongbao::bench::fill_all(dir, shards, vouchers);
}
