// One part of a day on one read-only connection: in the shard's file while it is hot, in a file of its own when it is
// cold. The connection outlives it, and is in a transaction when a reading must be one snapshot.
//
// Threads: the connection's. Errors: SqliteError.
#pragma once

#include <optional>
#include <vector>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/order_rows.h"
#include "ports/order_store.h"
#include "storage/log_index.h"

namespace hongbao {

class SqliteOrderDay {
 public:
  SqliteOrderDay(Database& database, ShardId shard, DayPart part);

  std::optional<StoredPacket> load(LocalNo local);
  // Appends the vouchers numbered from ≤ no < end.
  void log(VoucherNo from, VoucherNo end, std::vector<Voucher>& vouchers);
  // Appends up to `packets_max` active packets with expires_at ≤ now.
  void due(Timestamp now, size_t packets_max, std::vector<PacketKey>& packets);
  bool has_active();
  // nullopt: there are none.
  std::optional<LogIndex::Range> log_range();
  void add_totals(VoucherNo since, OrderTotals& totals);
  VoucherSums sums(VoucherNo since);
  void add_violations(size_t max, std::vector<PacketViolation>& violations);

  // For moving the part: at most `max` rows from a key on, ascending.
  std::vector<PacketRow> packets(LocalNo from, size_t max);
  std::vector<Voucher> vouchers(VoucherNo from, size_t max);

 private:
  Database& database_;
  const ShardId shard_;
  const DayPart part_;
  Statement packet_;
  Statement vouchers_of_;
  Statement log_;
  Statement due_;
};

}  // namespace hongbao
