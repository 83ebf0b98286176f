// One connection for reading a shard's database, with the queries of the order store. Each function reads one snapshot
// of what is hot, and says which cold parts belong to the answer: those don't change any more, and are read afterwards.
// `Engine` is as in storage/order_day.h.
//
// Threads: one at a time (ReaderPool). Errors: Engine::Error; a part that was moved between a snapshot's two looks may
// be one, and another try sees it moved. DamagedRow.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "storage/log_ranges.h"
#include "storage/order_day.h"

namespace hongbao {

// All days that are usually still hot.
inline constexpr size_t kPreparedDaysMax = 64;

using ColdParts = std::vector<StoredDay>;

template <class Engine>
class OrderReader {
 public:
  using Database = typename Engine::Database;
  using Statement = typename Engine::Statement;
  using Rows = typename Engine::Rows;
  using Snapshot = typename Engine::Snapshot;

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
  // The part is hot in this snapshot. Valid until the next call.
  OrderDay<Engine>& at(DayPart part) { return days_.at(database_, shard_, part, hot_tables); }
  std::vector<StoredDay> stored_days();
  std::vector<StoredDay> parts_of(Day day);
  std::vector<StoredDay> days_with_ranges();

  Database database_;
  const ShardId shard_;
  Statement head_;
  Statement tenure_;
  Statement all_days_;
  Statement parts_of_day_;
  PreparedDays<Engine> days_{kPreparedDaysMax};
};

template <class Engine>
OrderReader<Engine>::OrderReader(Database database, ShardId shard)
    : database_(std::move(database)),
      shard_(shard),
      head_(database_.prepare("SELECT epoch, next_voucher FROM shard_head")),
      tenure_(database_.prepare(
          fmt::format("SELECT epoch, next_voucher, owner, {} FROM shard_head", Engine::lease_left_ms()))),
      all_days_(database_.prepare(fmt::format("SELECT {} FROM stored_day ORDER BY day, part", kStoredDayColumns))),
      parts_of_day_(database_.prepare(
          fmt::format("SELECT {} FROM stored_day WHERE day = ? ORDER BY part DESC", kStoredDayColumns))) {}

template <class Rows>
std::vector<StoredDay> read_stored_days(Rows rows) {
  std::vector<StoredDay> days;
  while (rows.next()) {
    days.push_back(read_stored_day(rows));
  }
  return days;
}

template <class Engine>
std::vector<StoredDay> OrderReader<Engine>::stored_days() {
  return read_stored_days(all_days_.query());
}

template <class Engine>
std::vector<StoredDay> OrderReader<Engine>::parts_of(Day day) {
  return read_stored_days(parts_of_day_.query(day));
}

template <class Engine>
ShardHead OrderReader<Engine>::head() {
  Rows rows = head_.query();
  return read_head(rows);
}

template <class Engine>
ShardTenure OrderReader<Engine>::tenure() {
  Rows rows = tenure_.query();
  const ShardHead head = read_head(rows);
  return {.head = head, .owner = std::string(rows.text(2)), .lease_left = std::chrono::milliseconds(rows.integer(3))};
}

template <class Engine>
std::optional<StoredPacket> OrderReader<Engine>::load(const PacketKey& packet, ColdParts& cold) {
  CHECK(packet.shard == shard_);
  const Snapshot snapshot(database_);
  cold.clear();
  for (const StoredDay& stored : parts_of(packet.day)) {
    if (stored.place != DayPlace::kHot) {
      cold.push_back(stored);
    } else if (auto found = at(stored.part).load(packet.local)) {
      return found;
    }
  }
  return std::nullopt;
}

template <class Engine>
typename OrderReader<Engine>::LogPiece OrderReader<Engine>::read_log(VoucherNo from, size_t vouchers_max,
                                                                     LogIndex& index, ColdParts& cold) {
  CHECK(from >= VoucherNo{1});
  const Snapshot snapshot(database_);
  cold.clear();
  const VoucherNo next = head().next_voucher;
  LogPiece piece{.vouchers = {}, .end = from};
  if (from >= next || vouchers_max == 0) {
    return piece;
  }
  piece.end = VoucherNo{from.value + std::min<uint64_t>(vouchers_max, next.value - from.value)};
  for (const Day day : index.days_between(from, piece.end, [&] { return log_index_of(days_with_ranges(), next); })) {
    for (const StoredDay& stored : parts_of(day)) {
      if (stored.place == DayPlace::kHot) {
        at(stored.part).log(from, piece.end, piece.vouchers);
      } else if (stored.totals.touches(from, piece.end)) {
        cold.push_back(stored);
      }
    }
  }
  return piece;
}

template <class Engine>
std::vector<StoredDay> OrderReader<Engine>::days_with_ranges() {
  std::vector<StoredDay> days = stored_days();
  add_log_ranges(days, [this](DayPart part) { return at(part).log_range(); });
  return days;
}

template <class Engine>
std::vector<PacketKey> OrderReader<Engine>::due(Timestamp now, size_t packets_max) {
  const Snapshot snapshot(database_);
  std::vector<PacketKey> due;
  for (const StoredDay& stored : stored_days()) {
    if (stored.place == DayPlace::kHot && due.size() < packets_max) {
      at(stored.part).due(now, packets_max - due.size(), due);
    }
  }
  return due;
}

template <class Engine>
OrderTotals OrderReader<Engine>::totals(VoucherNo since, ColdParts& cold) {
  const Snapshot snapshot(database_);
  cold.clear();
  OrderTotals totals;
  totals.next_voucher = head().next_voucher;
  for (const StoredDay& stored : stored_days()) {
    if (stored.place == DayPlace::kHot) {
      at(stored.part).add_totals(since, totals);
      continue;
    }
    totals.add_cold(stored.totals);
    if (stored.totals.reaches(since)) {
      cold.push_back(stored);
    }
  }
  return totals;
}

template <class Engine>
std::vector<PacketViolation> OrderReader<Engine>::violations(size_t max, ColdParts& cold) {
  cold.clear();
  std::vector<PacketViolation> violations;
  for (const StoredDay& stored : stored_days()) {
    if (stored.place != DayPlace::kHot) {
      cold.push_back(stored);
      continue;
    }
    // A packet's vouchers lie in its part, so one snapshot a part is enough; a longer one would hold up the engine's
    // clearing away of what is old. The part may have moved meanwhile, and is whole there.
    const Snapshot snapshot(database_);
    for (const StoredDay& now : parts_of(stored.part.day)) {
      if (now.part != stored.part) {
        continue;
      }
      if (now.place == DayPlace::kHot) {
        at(now.part).add_violations(max, violations);
      } else {
        cold.push_back(now);
      }
    }
  }
  return violations;
}

template <class Engine>
std::vector<StoredDay> OrderReader<Engine>::days() {
  const Snapshot snapshot(database_);
  std::vector<StoredDay> days = days_with_ranges();
  // Tables that a fenced commit made, and nobody filled.
  std::erase_if(days,
                [](const StoredDay& stored) { return stored.place == DayPlace::kHot && stored.totals.vouchers == 0; });
  return days;
}

}  // namespace hongbao
