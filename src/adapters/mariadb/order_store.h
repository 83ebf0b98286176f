// The order store in MariaDB: one database a shard. One connection writes, a few read. A batch is one transaction of
// few round trips: the head, one array of rows for each table it touches, and COMMIT.
//
// Threads: as the port says. Errors: kStorage with MariaDB's words.
#pragma once

#include <memory>
#include <string>

#include "adapters/mariadb/order_reader.h"
#include "adapters/mariadb/order_writer.h"
#include "adapters/mariadb/reader_pool.h"
#include "adapters/mariadb/schema.h"
#include "ports/order_store.h"

namespace hongbao {

class MariadbOrderStore final : public OrderStore {
 public:
  // kConfig: the database is missing, of another version, or another shard's.
  static Result<std::unique_ptr<MariadbOrderStore>> open(const MariadbServer& server, const DatabaseName& database,
                                                         ShardId shard);

  Result<ShardHead> acquire(std::string_view owner, std::chrono::milliseconds lease) override;
  Result<bool> renew(uint32_t epoch) override;
  Result<void> release(uint32_t epoch) override;
  CommitOutcome commit(const CommitBatch& batch) override;
  Result<ShardHead> head() override;
  Result<std::optional<StoredPacket>> load(const PacketKey& packet) override;
  Result<std::vector<Voucher>> read_log(VoucherNo from, size_t vouchers_max) override;
  Result<std::vector<PacketKey>> due(Timestamp now, size_t packets_max) override;
  Result<OrderTotals> totals(VoucherNo since) override;
  Result<std::vector<PacketViolation>> violations(size_t max) override;

 private:
  MariadbOrderStore(const MariadbServer& server, const std::string& database, ShardId shard);
  template <class Function>
  auto write(std::string_view what, Function function);
  template <class Function>
  auto read(std::string_view what, Function function);

  const ShardId shard_;
  mariadb::OrderWriter writer_;
  mariadb::ReaderPool<mariadb::OrderReader> readers_;
  LogIndex log_index_;
};

}  // namespace hongbao
