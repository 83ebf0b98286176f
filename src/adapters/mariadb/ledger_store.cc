#include "adapters/mariadb/ledger_store.h"

#include <utility>

namespace hongbao::mariadb {

Result<std::unique_ptr<LedgerStore>> LedgerStore::open(const Server& server, const DatabaseName& database) {
  if (auto ready = require_schema(server, database); !ready) {
    return std::unexpected(ready.error());
  }
  return std::unique_ptr<LedgerStore>(new LedgerStore(server, database.name));
}

LedgerStore::LedgerStore(const Server& server, const std::string& database)
    : writer_(server, database),
      readers_(server, database, [](Database reader) { return std::make_unique<LedgerReader>(std::move(reader)); }) {}

template <class Function>
auto LedgerStore::read(std::string_view what, Function function) {
  return guarded(what, [&] { return readers_.use(function); });
}

Result<LedgerResult> LedgerStore::commit(const LedgerBatch& batch) {
  return writer_.run("ledger_store.commit", [&](LedgerWriter& writer) { return writer.commit(batch); });
}

Result<void> LedgerStore::set_frozen(const AccountId& account, bool frozen) {
  return writer_.run("ledger_store.set_frozen", [&](LedgerWriter& writer) { writer.set_frozen(account, frozen); });
}

Result<Account> LedgerStore::account(const AccountId& account) {
  return read("ledger_store.account", [&](LedgerReader& reader) { return reader.account(account); });
}

Result<std::optional<Transfer>> LedgerStore::transfer(std::string_view id) {
  return read("ledger_store.transfer", [&](LedgerReader& reader) { return reader.transfer(id); });
}

Result<std::vector<WalletTransfer>> LedgerStore::transfers(const AccountId& account, ListPosition before,
                                                           size_t transfers_max) {
  return read("ledger_store.transfers",
              [&](LedgerReader& reader) { return reader.transfers(account, before, transfers_max); });
}

Result<VoucherNo> LedgerStore::cursor(ShardId shard) {
  return read("ledger_store.cursor", [&](LedgerReader& reader) { return reader.cursor(shard); });
}

Result<std::vector<PacketKey>> LedgerStore::unpaid(const std::vector<PacketKey>& packets) {
  return read("ledger_store.unpaid", [&](LedgerReader& reader) { return reader.unpaid(packets); });
}

Result<std::vector<PendingPayment>> LedgerStore::pending(ShardId shard, Timestamp until, size_t payments_max) {
  return read("ledger_store.pending", [&](LedgerReader& reader) { return reader.pending(shard, until, payments_max); });
}

Result<std::vector<DeferredTransfer>> LedgerStore::deferred(ShardId shard, Timestamp now, size_t transfers_max) {
  return read("ledger_store.deferred",
              [&](LedgerReader& reader) { return reader.deferred(shard, now, transfers_max); });
}

Result<LedgerTotals> LedgerStore::totals(const std::vector<ShardId>& shards) {
  return read("ledger_store.totals", [&](LedgerReader& reader) { return reader.totals(shards); });
}

}  // namespace hongbao::mariadb
