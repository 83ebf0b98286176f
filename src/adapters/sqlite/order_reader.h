// One read-only connection to a shard's file with the queries of the order store. Each function reads one snapshot of
// what is hot, and says which cold parts belong to the answer: those don't change any more, and are read afterwards.
//
// Threads: one at a time (ReaderPool). Errors: SqliteError.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "adapters/sqlite/order_day.h"
#include "storage/log_index.h"

namespace hongbao {

class SqliteOrderReader {
 public:
  using ColdParts = std::vector<StoredDay>;

  SqliteOrderReader(Database database, ShardId shard);

  ShardHead head();
  ShardTenure tenure();
  // When it is not hot, it may be in one of `cold`.
  std::optional<StoredPacket> load(const PacketKey& packet, ColdParts& cold);
  struct LogPiece {
    std::vector<Voucher> vouchers;  // those that are hot, in no order
    VoucherNo end;                  // the piece goes from `from` to here
  };
  LogPiece read_log(VoucherNo from, size_t vouchers_max, LogIndex& index, ColdParts& cold);
  std::vector<PacketKey> due(Timestamp now, size_t packets_max);
  // Without the unsettled vouchers of `cold`.
  OrderTotals totals(VoucherNo since, ColdParts& cold);
  std::vector<PacketViolation> violations(size_t max, ColdParts& cold);
  std::vector<StoredDay> days();

 private:
  // The part is hot in this snapshot. Valid until the next call.
  SqliteOrderDay& at(DayPart part);
  std::vector<StoredDay> stored_days();
  std::vector<StoredDay> days_with_ranges();

  Database database_;
  ShardId shard_;
  Statement head_;
  Statement tenure_;
  Statement all_days_;
  Statement parts_of_day_;
  std::map<DayPart, SqliteOrderDay> days_;
};

}  // namespace hongbao
