// The one connection that writes a shard's file.
//
// Threads: one at a time. Errors: SqliteError.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string_view>

#include "adapters/sqlite/database.h"
#include "ports/order_store.h"
#include "storage/day_move.h"

namespace hongbao::sqlite {

class OrderWriter {
 public:
  explicit OrderWriter(Database database);

  // nullopt: the lease of another owner stands.
  std::optional<ShardHead> acquire(const ShardOwner& owner, std::chrono::milliseconds lease);
  // False: the head has another epoch.
  bool renew(uint32_t epoch);
  void release(uint32_t epoch);
  // False: fenced, nothing was written. When it throws, the outcome is unknown.
  bool commit(const CommitBatch& batch);
  // The cold copy of a hot part counts from here on, and the hot tables are gone.
  Retired retire(uint32_t epoch, DayPart part, const DayTotals& totals);
  // After a call threw: what was prepared may name tables that were rolled back.
  void forget_prepared() { days_.clear(); }

 private:
  struct DayStatements {
    Statement insert_packet;
    Statement insert_voucher;
    Statement finish;
  };
  // The day's hot part; begins one when there is none. The reference is valid until the next call.
  DayStatements& at(Day day);
  DayPart hot_part(Day day);
  void insert(const Order& order);
  void insert(const Voucher& voucher);
  void finish(const CommitBatch::Finished& finished);

  Database database_;
  Statement raise_epoch_;
  Statement renew_;
  Statement release_;
  Statement read_head_;
  Statement advance_head_;
  Statement latest_part_;
  Statement add_part_;
  Statement move_part_;
  std::map<Day, DayStatements> days_;
  std::chrono::milliseconds lease_{};  // as acquired
};

}  // namespace hongbao::sqlite
