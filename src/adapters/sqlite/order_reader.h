// One read-only connection to a shard's file with the queries of the order store. Each function reads one snapshot.
//
// Threads: one at a time (ReaderPool). Errors: SqliteError.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "adapters/sqlite/database.h"
#include "core/log_index.h"
#include "ports/order_store.h"

namespace hongbao {

class SqliteOrderReader {
 public:
  SqliteOrderReader(Database database, ShardId shard);

  ShardHead head();
  std::optional<StoredPacket> load(const PacketKey& packet);
  std::vector<Voucher> read_log(VoucherNo from, size_t vouchers_max, LogIndex& index);
  std::vector<PacketKey> due(Timestamp now, size_t packets_max);
  OrderTotals totals(VoucherNo since);
  std::vector<PacketViolation> violations(size_t max);

 private:
  struct DayStatements {
    Statement packet;
    Statement vouchers_of;
    Statement log;
    Statement due;
  };
  DayStatements& at(Day day);
  bool has(Day day);
  ShardHead read_head();
  LogIndex::Snapshot read_log_index(VoucherNo upto);
  void add_packets(Day day, OrderTotals& totals);
  void add_vouchers(Day day, VoucherNo since, OrderTotals::Sums& sums);
  void add_violations(Day day, size_t max, std::vector<PacketViolation>& violations);

  Database database_;
  ShardId shard_;
  Statement head_;
  Statement has_table_;
  std::map<Day, DayStatements> days_;
};

}  // namespace hongbao
