// One read-only connection to a shard's database with the queries of the order store. Each function reads one snapshot.
//
// Threads: one at a time (ReaderPool). Errors: MariadbError.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "adapters/mariadb/database.h"
#include "core/log_index.h"
#include "ports/order_store.h"

namespace hongbao::mariadb {

class OrderReader {
 public:
  OrderReader(Database database, ShardId shard);

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
  std::vector<Day> stored_days();
  LogIndex::Snapshot read_log_index(VoucherNo upto);
  void add_violations(Day day, size_t max, std::vector<PacketViolation>& violations);

  Database database_;
  const ShardId shard_;
  Statement head_;
  Statement has_day_;
  Statement all_days_;
  std::map<Day, DayStatements> days_;
};

}  // namespace hongbao::mariadb
