// One part of a day on one connection of mode kRead: in the shard's database while it is hot, in its cold database
// later. The connection outlives it, and holds a Snapshot when a reading must be one.
//
// Threads: the connection's. Errors: MariadbError.
#pragma once

#include <optional>
#include <vector>

#include "adapters/mariadb/database.h"
#include "adapters/mariadb/order_rows.h"
#include "ports/order_store.h"
#include "storage/log_index.h"

namespace hongbao::mariadb {

class OrderDay {
 public:
  OrderDay(Database& database, ShardId shard, Day day, DayTables tables);

  std::optional<StoredPacket> load(LocalNo local);
  // Appends the vouchers numbered from ≤ no < end.
  void log(VoucherNo from, VoucherNo end, std::vector<Voucher>& vouchers);
  // Appends up to `packets_max` active packets with expires_at ≤ now.
  void due(Timestamp now, size_t packets_max, std::vector<PacketKey>& packets);
  bool has_active();
  // nullopt: there are none.
  std::optional<LogIndex::Range> log_range();
  void add_violations(size_t max, std::vector<PacketViolation>& violations);

  // For moving the part: at most `max` rows from a key on, ascending.
  std::vector<PacketRow> packets(LocalNo from, size_t max);
  std::vector<Voucher> vouchers(VoucherNo from, size_t max);

 private:
  Database& database_;
  const ShardId shard_;
  const Day day_;
  const DayTables tables_;
  Statement packet_;
  Statement vouchers_of_;
  Statement log_;
  Statement due_;
};

}  // namespace hongbao::mariadb
