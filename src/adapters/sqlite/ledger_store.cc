#include "adapters/sqlite/ledger_store.h"

#include <utility>

#include "adapters/sqlite/ledger_rows.h"
#include "adapters/sqlite/schema.h"

namespace hongbao {

Result<std::unique_ptr<SqliteLedgerStore>> SqliteLedgerStore::open(const std::string& file, const StoreTerms& terms) {
  return opened([&] {
    return std::unique_ptr<SqliteLedgerStore>(new SqliteLedgerStore(file, open_store(file, ledger_schema(), terms)));
  });
}

SqliteLedgerStore::SqliteLedgerStore(const std::string& file, Database writer)
    : writer_(std::move(writer)),
      readers_(file, [](Database reader) { return std::make_unique<SqliteLedgerReader>(std::move(reader)); }) {}

Result<LedgerResult> SqliteLedgerStore::commit(const LedgerBatch& batch) {
  return guarded("ledger_store.commit", [&] { return writer_.commit(batch); });
}

Result<void> SqliteLedgerStore::set_frozen(const AccountId& account, bool frozen) {
  return guarded("ledger_store.set_frozen", [&] { writer_.set_frozen(account, frozen); });
}

Result<Account> SqliteLedgerStore::account(const AccountId& account) {
  return guarded("ledger_store.account",
                 [&] { return readers_.use([&](SqliteLedgerReader& reader) { return reader.account(account); }); });
}

Result<std::optional<Transfer>> SqliteLedgerStore::transfer(std::string_view id) {
  return guarded("ledger_store.transfer",
                 [&] { return readers_.use([&](SqliteLedgerReader& reader) { return reader.transfer(id); }); });
}

Result<std::vector<WalletTransfer>> SqliteLedgerStore::transfers(const AccountId& account, ListPosition before,
                                                                 size_t transfers_max) {
  return guarded("ledger_store.transfers", [&] {
    return readers_.use([&](SqliteLedgerReader& reader) { return reader.transfers(account, before, transfers_max); });
  });
}

Result<VoucherNo> SqliteLedgerStore::cursor(ShardId shard) {
  return guarded("ledger_store.cursor",
                 [&] { return readers_.use([&](SqliteLedgerReader& reader) { return reader.cursor(shard); }); });
}

Result<std::vector<PacketKey>> SqliteLedgerStore::unpaid(const std::vector<PacketKey>& packets) {
  return guarded("ledger_store.unpaid",
                 [&] { return readers_.use([&](SqliteLedgerReader& reader) { return reader.unpaid(packets); }); });
}

Result<std::vector<PendingPayment>> SqliteLedgerStore::pending(ShardId shard, Timestamp until, size_t payments_max) {
  return guarded("ledger_store.pending", [&] {
    return readers_.use([&](SqliteLedgerReader& reader) { return reader.pending(shard, until, payments_max); });
  });
}

Result<std::vector<DeferredTransfer>> SqliteLedgerStore::deferred(ShardId shard, Timestamp now, size_t transfers_max) {
  return guarded("ledger_store.deferred", [&] {
    return readers_.use([&](SqliteLedgerReader& reader) { return reader.deferred(shard, now, transfers_max); });
  });
}

Result<LedgerTotals> SqliteLedgerStore::totals(const std::vector<ShardId>& shards) {
  return guarded("ledger_store.totals",
                 [&] { return readers_.use([&](SqliteLedgerReader& reader) { return reader.totals(shards); }); });
}

}  // namespace hongbao
