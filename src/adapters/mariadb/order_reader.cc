#include "adapters/mariadb/order_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/mariadb/order_totals.h"
#include "base/check.h"
#include "storage/log_ranges.h"

namespace hongbao::mariadb {
namespace {

// Days with prepared statements on one connection: all days that are usually still hot.
constexpr size_t kPreparedDaysMax = 64;
constexpr size_t kPreparedColdDaysMax = 16;

OrderDay& prepared(std::map<DayPart, OrderDay>& days, size_t days_max, Database& database, ShardId shard, DayPart part,
                   DayTables tables) {
  if (const auto found = days.find(part); found != days.end()) {
    return found->second;
  }
  if (days.size() >= days_max) {
    days.clear();
  }
  return days
      .emplace(std::piecewise_construct, std::forward_as_tuple(part),
               std::forward_as_tuple(database, shard, part.day, std::move(tables)))
      .first->second;
}

std::vector<StoredDay> read_days(Rows& rows) {
  std::vector<StoredDay> days;
  while (rows.next()) {
    days.push_back(read_stored_day(rows));
  }
  return days;
}

}  // namespace

OrderReader::OrderReader(Database database, ShardId shard)
    : database_(std::move(database)),
      shard_(shard),
      head_(database_.prepare("SELECT epoch, next_voucher FROM shard_head")),
      tenure_(database_.prepare(
          fmt::format("SELECT epoch, next_voucher, owner, GREATEST(lease_until - {}, 0) FROM shard_head", kNow_ms))),
      parts_of_day_(database_.prepare(
          fmt::format("SELECT {} FROM stored_day WHERE day = ? ORDER BY part DESC", kStoredDayColumns))),
      all_days_(database_.prepare(fmt::format("SELECT {} FROM stored_day ORDER BY day, part", kStoredDayColumns))) {}

OrderDay& OrderReader::at(DayPart part) {
  return prepared(days_, kPreparedDaysMax, database_, shard_, part, hot_tables(part));
}

OrderDay& ColdReader::at(const StoredDay& stored) {
  return prepared(days_, kPreparedColdDaysMax, database_, shard_, stored.part, cold_tables(stored.part, stored.copy));
}

VoucherSums ColdReader::sums(const StoredDay& stored, VoucherNo since) {
  OrderTotals totals;
  add_part(database_, cold_tables(stored.part, stored.copy), since, totals);
  return totals.unsettled;
}

std::vector<StoredDay> OrderReader::stored_days() {
  Rows rows = all_days_.query();
  return read_days(rows);
}

std::vector<StoredDay> OrderReader::parts_of(Day day) {
  Rows rows = parts_of_day_.query(day);
  return read_days(rows);
}

ShardTenure OrderReader::tenure() {
  Rows rows = tenure_.query();
  CHECK(rows.next());
  return {.head = {.epoch = static_cast<uint32_t>(rows.integer(0)), .next_voucher = {rows.count(1)}},
          .owner = std::string(rows.text(2)),
          .lease_left = std::chrono::milliseconds(rows.integer(3))};
}

ShardHead OrderReader::head() {
  Rows rows = head_.query();
  require_row(rows, "a shard has a head");
  return {.epoch = static_cast<uint32_t>(rows.integer(0)), .next_voucher = {rows.count(1)}};
}

std::optional<StoredPacket> OrderReader::load(const PacketKey& packet, ColdParts& cold) {
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

OrderReader::LogPiece OrderReader::read_log(VoucherNo from, size_t vouchers_max, LogIndex& index, ColdParts& cold) {
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

std::vector<StoredDay> OrderReader::days_with_ranges() {
  std::vector<StoredDay> days = stored_days();
  add_log_ranges(days, [this](DayPart part) { return at(part).log_range(); });
  return days;
}

std::vector<PacketKey> OrderReader::due(Timestamp now, size_t packets_max) {
  const Snapshot snapshot(database_);
  std::vector<PacketKey> due;
  for (const StoredDay& stored : stored_days()) {
    if (stored.place == DayPlace::kHot && due.size() < packets_max) {
      at(stored.part).due(now, packets_max - due.size(), due);
    }
  }
  return due;
}

OrderTotals OrderReader::totals(VoucherNo since, ColdParts& cold) {
  const Snapshot snapshot(database_);
  cold.clear();
  OrderTotals totals;
  totals.next_voucher = head().next_voucher;
  for (const StoredDay& stored : stored_days()) {
    if (stored.place == DayPlace::kHot) {
      add_part(database_, hot_tables(stored.part), since, totals);
      continue;
    }
    totals.add_cold(stored.totals);
    if (stored.totals.reaches(since)) {
      cold.push_back(stored);
    }
  }
  return totals;
}

std::vector<PacketViolation> OrderReader::violations(size_t max, ColdParts& cold) {
  const Snapshot snapshot(database_);
  cold.clear();
  std::vector<PacketViolation> violations;
  for (const StoredDay& stored : stored_days()) {
    if (stored.place == DayPlace::kHot) {
      at(stored.part).add_violations(max, violations);
    } else {
      cold.push_back(stored);
    }
  }
  return violations;
}

std::vector<StoredDay> OrderReader::days() {
  const Snapshot snapshot(database_);
  std::vector<StoredDay> days = days_with_ranges();
  // Tables that a fenced commit made, and nobody filled.
  std::erase_if(days,
                [](const StoredDay& stored) { return stored.place == DayPlace::kHot && stored.totals.vouchers == 0; });
  return days;
}

}  // namespace hongbao::mariadb
