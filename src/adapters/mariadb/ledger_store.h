// The ledger store in MariaDB: one database for all shards and all processes. One connection of this process writes, a
// few read.
//
// Threads: as the port says. Errors: kStorage with MariaDB's words.
#pragma once

#include <memory>
#include <string>

#include "adapters/mariadb/ledger_reader.h"
#include "adapters/mariadb/ledger_writer.h"
#include "adapters/mariadb/reader_pool.h"
#include "adapters/mariadb/schema.h"
#include "adapters/mariadb/writer.h"
#include "storage/ledger_reading.h"

namespace hongbao::mariadb {

class LedgerStore final : public LedgerReading<Engine> {
 public:
  static constexpr size_t kConnections = 1 + kReadersPerStore;  // opened at most

  // kConfig: the database is missing or of another version.
  static Result<std::unique_ptr<LedgerStore>> open(const Server& server, const DatabaseName& database);

  Result<LedgerResult> commit(const LedgerBatch& batch) override;
  Result<void> set_frozen(const AccountId& account, bool frozen) override;

 private:
  LedgerStore(const Server& server, const std::string& database);

  Writer<LedgerWriter> writer_;
  ReaderPool<LedgerReader> readers_;
};

}  // namespace hongbao::mariadb
