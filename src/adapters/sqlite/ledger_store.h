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
#include "ports/ledger_store.h"

namespace hongbao::sqlite {

class LedgerStore final : public hongbao::LedgerStore {
 public:
  // Makes the file when it is new. kStorage: it can't be used, is another version's, or not as `terms` say.
  static Result<std::unique_ptr<LedgerStore>> open(const std::string& file, const StoreTerms& terms = {});

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
  LedgerStore(const std::string& file, Database writer);

  LedgerWriter writer_;
  ReaderPool<LedgerReader> readers_;
};

}  // namespace hongbao::sqlite
