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
    : LedgerReading(readers_),
      writer_(server, database),
      readers_(server, database, [](Database reader) { return std::make_unique<LedgerReader>(std::move(reader)); }) {}

Result<LedgerResult> LedgerStore::commit(const LedgerBatch& batch) {
  return writer_.run("ledger_store.commit", [&](LedgerWriter& writer) { return writer.commit(batch); });
}

Result<void> LedgerStore::set_frozen(const AccountId& account, bool frozen) {
  return writer_.run("ledger_store.set_frozen", [&](LedgerWriter& writer) { writer.set_frozen(account, frozen); });
}

}  // namespace hongbao::mariadb
