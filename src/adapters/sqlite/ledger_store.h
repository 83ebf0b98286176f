// The ledger store in SQLite: one file for all shards of an embedded deployment. One connection writes, a few read.
//
// Threads: as the port says. Errors: kStorage with SQLite's words.
#pragma once

#include <memory>
#include <string>

#include "adapters/sqlite/ledger_reader.h"
#include "adapters/sqlite/ledger_writer.h"
#include "adapters/sqlite/reader_pool.h"
#include "adapters/sqlite/store_file.h"
#include "storage/ledger_reading.h"

namespace hongbao::sqlite {

class LedgerStore final : public LedgerReading<Engine> {
 public:
  // Makes the file when it is new. kStorage: it can't be used, is another version's, or not as `terms` say.
  static Result<std::unique_ptr<LedgerStore>> open(const std::string& file, const StoreTerms& terms = {});

  Result<LedgerResult> commit(const LedgerBatch& batch) override;
  Result<void> set_frozen(const AccountId& account, bool frozen) override;

 private:
  LedgerStore(const std::string& file, Database writer);

  LedgerWriter writer_;
  ReaderPool<LedgerReader> readers_;
};

}  // namespace hongbao::sqlite
