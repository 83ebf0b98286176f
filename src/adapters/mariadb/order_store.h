// The order store in MariaDB: one database a shard. One connection writes, a few read. A batch is one transaction of
// few round trips: the head, one array of rows for each table it touches, and COMMIT. Cold days lie in a database of
// their own, on this server or another.
//
// Threads: as the port says. Errors: kStorage with MariaDB's words.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "adapters/mariadb/cold_days.h"
#include "adapters/mariadb/day_mover.h"
#include "adapters/mariadb/order_writer.h"
#include "adapters/mariadb/schema.h"
#include "ports/order_store.h"
#include "storage/order_reads.h"

namespace hongbao::mariadb {

class OrderStore final : public OrderReads<Engine> {
 public:
  struct Place {
    Server server;
    DatabaseName database;
  };
  // Opened at most: to the hot server, to the cold one, and to either while a day moves, which one store of a process
  // does at a time.
  static constexpr size_t kConnections = 1 + kReadersPerStore;
  static constexpr size_t kColdConnections = kReadersPerStore;
  static constexpr size_t kMoveConnections = 2;

  // kConfig: the hot database is missing, of another version, or another shard's. The cold one may be away: nobody asks
  // for it before a cold packet is read or a day moves.
  static Result<std::unique_ptr<OrderStore>> open(const Place& hot, const Place& cold, ShardId shard);
  // kConfig: days may not move there, for the server is unsafe, or the database missing or of another version. Done
  // before each move.
  static Result<void> check_cold(const Place& cold);

  Result<ShardHead> acquire(const ShardOwner& owner, std::chrono::milliseconds lease) override;
  Result<bool> renew(uint32_t epoch) override;
  Result<void> release(uint32_t epoch) override;
  CommitOutcome commit(const CommitBatch& batch) override;
  Result<HotPacket> load_hot(const PacketKey& packet) override;
  Result<bool> archive(uint32_t epoch, Day day, const GoOn& go_on) override;

 private:
  OrderStore(HotAndCold places, ShardId shard);
  template <class Function>
  auto write(std::string_view what, Function function);

  Result<void> retire(uint32_t epoch, DayPart part, const DayTotals& totals);

  const HotAndCold places_;
  const ShardId shard_;
  std::mutex writer_mutex_;  // the shard's writer commits, and `archive` retires
  OrderWriter writer_;
  // Nobody knows whether a part moved. The next acquisition waits for what is on its way, and then looks anew.
  bool must_acquire_ = false;
  DayMover mover_;
  ColdDays cold_;
  ReaderPool<OrderReader<Engine>> readers_;
};

}  // namespace hongbao::mariadb
