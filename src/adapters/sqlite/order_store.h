// The order store in SQLite: one file a shard, WAL, synced at every commit. One connection writes, a few read. Cold
// days lie in files of their own in the directory `cold` beside it.
//
// Threads: as the port says. Errors: kStorage with SQLite's words.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "adapters/sqlite/cold_days.h"
#include "adapters/sqlite/order_writer.h"
#include "adapters/sqlite/reader_pool.h"
#include "adapters/sqlite/store_file.h"
#include "ports/order_store.h"
#include "storage/order_reads.h"

namespace hongbao::sqlite {

class OrderStore final : public OrderReads<Engine> {
 public:
  // Makes the file when it is new. kStorage: it can't be used, is another shard's or another version's, or not as
  // `terms` say.
  static Result<std::unique_ptr<OrderStore>> open(const std::string& file, ShardId shard, const StoreTerms& terms = {});

  Result<ShardHead> acquire(const ShardOwner& owner, std::chrono::milliseconds lease) override;
  Result<bool> renew(uint32_t epoch) override;
  Result<void> release(uint32_t epoch) override;
  CommitOutcome commit(const CommitBatch& batch) override;
  Result<bool> archive(uint32_t epoch, Day day, const GoOn& go_on) override;

 private:
  OrderStore(const std::string& file, ShardId shard, Database writer);
  Result<std::optional<DayTotals>> copy_to_cold(DayPart part, const GoOn& go_on);

  const std::string file_;
  const ShardId shard_;
  std::mutex writer_mutex_;  // the shard's writer commits, and `archive` retires
  OrderWriter writer_;
  ColdDays cold_;
  ReaderPool<OrderReader<Engine>> readers_;
};

}  // namespace hongbao::sqlite
