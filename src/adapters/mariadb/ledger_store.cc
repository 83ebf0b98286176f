#include "adapters/mariadb/ledger_store.h"

#include <utility>

namespace hongbao {

using mariadb::Database;
using mariadb::guarded;
using mariadb::LedgerWriter;
using Reader = mariadb::LedgerReader;

Result<std::unique_ptr<MariadbLedgerStore>> MariadbLedgerStore::open(const MariadbServer& server,
                                                                     const DatabaseName& database) {
  if (auto ready = require_schema(server, database); !ready) {
    return std::unexpected(ready.error());
  }
  return std::unique_ptr<MariadbLedgerStore>(new MariadbLedgerStore(server, database.name));
}

MariadbLedgerStore::MariadbLedgerStore(const MariadbServer& server, const std::string& database)
    : writer_(server, database),
      readers_(server, database, [](Database reader) { return std::make_unique<Reader>(std::move(reader)); }) {}

template <class Function>
auto MariadbLedgerStore::read(std::string_view what, Function function) {
  return guarded(what, [&] { return readers_.use(function); });
}

Result<LedgerResult> MariadbLedgerStore::commit(const LedgerBatch& batch) {
  return writer_.run("ledger_store.commit", [&](LedgerWriter& writer) { return writer.commit(batch); });
}

Result<void> MariadbLedgerStore::set_frozen(const AccountId& account, bool frozen) {
  return writer_.run("ledger_store.set_frozen", [&](LedgerWriter& writer) { writer.set_frozen(account, frozen); });
}

Result<Account> MariadbLedgerStore::account(const AccountId& account) {
  return read("ledger_store.account", [&](Reader& reader) { return reader.account(account); });
}

Result<std::optional<Transfer>> MariadbLedgerStore::transfer(std::string_view id) {
  return read("ledger_store.transfer", [&](Reader& reader) { return reader.transfer(id); });
}

Result<std::vector<WalletTransfer>> MariadbLedgerStore::transfers(const AccountId& account, ListPosition before,
                                                                  size_t transfers_max) {
  return read("ledger_store.transfers",
              [&](Reader& reader) { return reader.transfers(account, before, transfers_max); });
}

Result<VoucherNo> MariadbLedgerStore::cursor(ShardId shard) {
  return read("ledger_store.cursor", [&](Reader& reader) { return reader.cursor(shard); });
}

Result<std::vector<PacketKey>> MariadbLedgerStore::unpaid(const std::vector<PacketKey>& packets) {
  return read("ledger_store.unpaid", [&](Reader& reader) { return reader.unpaid(packets); });
}

Result<std::vector<PendingPayment>> MariadbLedgerStore::pending(ShardId shard, Timestamp until, size_t payments_max) {
  return read("ledger_store.pending", [&](Reader& reader) { return reader.pending(shard, until, payments_max); });
}

Result<std::vector<DeferredTransfer>> MariadbLedgerStore::deferred(ShardId shard, Timestamp now, size_t transfers_max) {
  return read("ledger_store.deferred", [&](Reader& reader) { return reader.deferred(shard, now, transfers_max); });
}

Result<LedgerTotals> MariadbLedgerStore::totals(const std::vector<ShardId>& shards) {
  return read("ledger_store.totals", [&](Reader& reader) { return reader.totals(shards); });
}

}  // namespace hongbao
