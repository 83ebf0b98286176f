// What settling costs the embedded ledger: commits of SQLite with a step's vouchers each, as settlement makes them.
// Google Benchmark; `items_per_second` counts vouchers.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>

#include "adapters/sqlite/ledger_store.h"
#include "base/check.h"
#include "base/scratch_dir.h"

namespace hongbao::ledger_bench {
namespace {

constexpr ShardId kShard{Region::kSouth, 7};
constexpr Timestamp kNow{1'795'000'000'000};
constexpr uint64_t kUsers = 20'000;

class LedgerFile {
 public:
  LedgerFile() : store_(sqlite::LedgerStore::open(dir_.file("ledger.db")).value()) {}
  void commit(const LedgerBatch& batch) { CHECK(store_->commit(batch).has_value()); }

 private:
  const ScratchDir dir_;
  std::unique_ptr<sqlite::LedgerStore> store_;
};

// A multiplier that is coprime to kUsers spreads the takers as life does.
Voucher opened(uint64_t no) {
  return {.no = {no},
          .packet = {kShard, Day::of(kNow), LocalNo::of(1, static_cast<uint32_t>(no / 10))},
          .kind = VoucherKind::kOpened,
          .seq = static_cast<uint32_t>(no % 10 + 1),
          .user = UserId::trusted(fmt::format("user-{:06}", no * 7'919 % kUsers)),
          .amount = Money(100),
          .at = kNow};
}

LedgerBatch settlement(VoucherNo from, uint64_t vouchers) {
  LedgerBatch batch{.postings = {}, .settlements = {{kShard, from, {}}}, .retries = {}, .now = kNow};
  for (uint64_t i = 0; i < vouchers; ++i) {
    batch.settlements[0].vouchers.push_back(opened(from.value + i));
  }
  return batch;
}

void BM_SqliteLedgerSettles(benchmark::State& state) {
  LedgerFile ledger;
  ledger.commit({.postings = {{{.id = "deposit:escrow",
                                .debit = AccountId::channel("bench"),
                                .credit = AccountId::escrow(kShard),
                                .amount = Money(1'000'000'000'000),
                                .at = kNow}}},
                 .now = kNow});
  const auto vouchers = static_cast<uint64_t>(state.range(0));
  VoucherNo next;
  for (auto _ : state) {
    state.PauseTiming();
    const LedgerBatch batch = settlement(next, vouchers);
    next = next + vouchers;
    state.ResumeTiming();
    ledger.commit(batch);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_SqliteLedgerSettles)->Arg(128)->Iterations(800)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_SqliteLedgerSettles)->Arg(2'048)->Iterations(50)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hongbao::ledger_bench
