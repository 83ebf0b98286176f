#include "adapters/sqlite/ledger_store.h"

#include <utility>

#include "adapters/sqlite/ledger_rows.h"
#include "adapters/sqlite/schema.h"

namespace hongbao::sqlite {

Result<std::unique_ptr<LedgerStore>> LedgerStore::open(const std::string& file, const StoreTerms& terms) {
  return opened(
      [&] { return std::unique_ptr<LedgerStore>(new LedgerStore(file, open_store(file, ledger_schema(), terms))); });
}

LedgerStore::LedgerStore(const std::string& file, Database writer)
    : writer_(std::move(writer)),
      readers_(file, [](Database reader) { return std::make_unique<LedgerReader>(std::move(reader)); }) {}

Result<LedgerResult> LedgerStore::commit(const LedgerBatch& batch) {
  return guarded("ledger_store.commit", [&] { return writer_.commit(batch); });
}

Result<void> LedgerStore::set_frozen(const AccountId& account, bool frozen) {
  return guarded("ledger_store.set_frozen", [&] { writer_.set_frozen(account, frozen); });
}

Result<Account> LedgerStore::account(const AccountId& account) {
  return guarded("ledger_store.account",
                 [&] { return readers_.use([&](LedgerReader& reader) { return reader.account(account); }); });
}

Result<std::optional<Transfer>> LedgerStore::transfer(std::string_view id) {
  return guarded("ledger_store.transfer",
                 [&] { return readers_.use([&](LedgerReader& reader) { return reader.transfer(id); }); });
}

Result<std::vector<WalletTransfer>> LedgerStore::transfers(const AccountId& account, ListPosition before,
                                                           size_t transfers_max) {
  return guarded("ledger_store.transfers", [&] {
    return readers_.use([&](LedgerReader& reader) { return reader.transfers(account, before, transfers_max); });
  });
}

Result<VoucherNo> LedgerStore::cursor(ShardId shard) {
  return guarded("ledger_store.cursor",
                 [&] { return readers_.use([&](LedgerReader& reader) { return reader.cursor(shard); }); });
}

Result<std::vector<PacketKey>> LedgerStore::unpaid(const std::vector<PacketKey>& packets) {
  return guarded("ledger_store.unpaid",
                 [&] { return readers_.use([&](LedgerReader& reader) { return reader.unpaid(packets); }); });
}

Result<std::vector<PendingPayment>> LedgerStore::pending(ShardId shard, Timestamp until, size_t payments_max) {
  return guarded("ledger_store.pending", [&] {
    return readers_.use([&](LedgerReader& reader) { return reader.pending(shard, until, payments_max); });
  });
}

Result<std::vector<DeferredTransfer>> LedgerStore::deferred(ShardId shard, Timestamp now, size_t transfers_max) {
  return guarded("ledger_store.deferred", [&] {
    return readers_.use([&](LedgerReader& reader) { return reader.deferred(shard, now, transfers_max); });
  });
}

Result<LedgerTotals> LedgerStore::totals(const std::vector<ShardId>& shards) {
  return guarded("ledger_store.totals",
                 [&] { return readers_.use([&](LedgerReader& reader) { return reader.totals(shards); }); });
}

}  // namespace hongbao::sqlite
