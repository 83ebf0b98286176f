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

namespace hongbao::mariadb {

class LedgerStore final : public hongbao::LedgerStore {
 public:
  static constexpr size_t kConnections = 1 + kReadersPerStore;  // opened at most

  // kConfig: the database is missing or of another version.
  static Result<std::unique_ptr<LedgerStore>> open(const Server& server, const DatabaseName& database);

  Result<LedgerResult> commit(const LedgerBatch& batch) override;
  Result<void> set_frozen(const AccountId& account, bool frozen) override;
  Result<Account> account(const AccountId& account) override;
  Result<std::optional<Transfer>> transfer(std::string_view id) override;
  Result<std::vector<WalletTransfer>> transfers(const AccountId& account, ListPosition before,
                                                size_t transfers_max) override;
  Result<VoucherNo> cursor(ShardId shard) override;
  Result<std::vector<PacketKey>> unpaid(const std::vector<PacketKey>& packets) override;
  Result<std::vector<PendingPayment>> pending(ShardId shard, Timestamp until, size_t payments_max) override;
  Result<std::vector<DeferredTransfer>> deferred(ShardId shard, Timestamp now, size_t transfers_max) override;
  Result<LedgerTotals> totals(const std::vector<ShardId>& shards) override;

 private:
  LedgerStore(const Server& server, const std::string& database);
  template <class Function>
  auto read(std::string_view what, Function function);

  Writer<LedgerWriter> writer_;
  ReaderPool<LedgerReader> readers_;
};

}  // namespace hongbao::mariadb
