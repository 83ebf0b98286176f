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
    : LedgerReading(readers_),
      writer_(std::move(writer)),
      readers_(file, [](Database reader) { return std::make_unique<LedgerReader>(std::move(reader)); }) {}

Result<LedgerResult> LedgerStore::commit(const LedgerBatch& batch) {
  return guarded("ledger_store.commit", [&] { return writer_.commit(batch); });
}

Result<void> LedgerStore::set_frozen(const AccountId& account, bool frozen) {
  return guarded("ledger_store.set_frozen", [&] { writer_.set_frozen(account, frozen); });
}

}  // namespace hongbao::sqlite
