// One read-only connection to a shard's database with the queries of the order store. Each function reads one snapshot
// of what is hot, and says which cold parts belong to the answer: those don't change any more, and are read afterwards.
//
// Threads: one at a time (ReaderPool). Errors: MariadbError; a part that was moved between the snapshot's two looks is
// an error after which another try sees it moved.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "adapters/mariadb/order_day.h"

namespace hongbao::mariadb {

using ColdParts = std::vector<StoredDay>;

class OrderReader {
 public:
  OrderReader(Database database, ShardId shard);

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
  // Valid until the next call.
  OrderDay& at(DayPart part);
  std::vector<StoredDay> stored_days();
  std::vector<StoredDay> parts_of(Day day);
  std::vector<StoredDay> days_with_ranges();

  Database database_;
  const ShardId shard_;
  Statement head_;
  Statement tenure_;
  Statement parts_of_day_;
  Statement all_days_;
  std::map<DayPart, OrderDay> days_;
};

// A connection to a shard's cold database.
class ColdReader {
 public:
  ColdReader(Database database, ShardId shard) : database_(std::move(database)), shard_(shard) {}
  // Valid until the next call.
  OrderDay& at(const StoredDay& stored);
  // Over the part's vouchers from `since` on.
  VoucherSums sums(const StoredDay& stored, VoucherNo since);

 private:
  Database database_;
  const ShardId shard_;
  std::map<DayPart, OrderDay> days_;
};

}  // namespace hongbao::mariadb
