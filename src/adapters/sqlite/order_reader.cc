#include "adapters/sqlite/order_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "storage/log_ranges.h"

namespace hongbao {
namespace {

// Days with prepared statements on one connection: all days that are usually still hot.
constexpr size_t kPreparedDaysMax = 64;

}  // namespace

SqliteOrderReader::SqliteOrderReader(Database database, ShardId shard)
    : database_(std::move(database)),
      shard_(shard),
      head_(database_.prepare("SELECT epoch, next_voucher FROM shard_head")),
      tenure_(database_.prepare(fmt::format(
          "SELECT epoch, next_voucher, owner, MAX(lease_until - {}, 0) FROM shard_head WHERE id = 1", kNow_ms))),
      all_days_(database_.prepare(fmt::format("SELECT {} FROM stored_day ORDER BY day, part", kStoredDayColumns))),
      parts_of_day_(database_.prepare(
          fmt::format("SELECT {} FROM stored_day WHERE day = ? ORDER BY part DESC", kStoredDayColumns))) {}

SqliteOrderDay& SqliteOrderReader::at(DayPart part) {
  if (const auto found = days_.find(part); found != days_.end()) {
    return found->second;
  }
  if (days_.size() >= kPreparedDaysMax) {
    days_.clear();
  }
  return days_
      .emplace(std::piecewise_construct, std::forward_as_tuple(part), std::forward_as_tuple(database_, shard_, part))
      .first->second;
}

std::vector<StoredDay> SqliteOrderReader::stored_days() {
  std::vector<StoredDay> days;
  Rows rows = all_days_.query();
  while (rows.next()) {
    days.push_back(read_stored_day(rows));
  }
  return days;
}

ShardHead SqliteOrderReader::head() {
  Rows rows = head_.query();
  require_row(rows, "a shard has a head");
  return {.epoch = static_cast<uint32_t>(rows.integer(0)), .next_voucher = {rows.count(1)}};
}

ShardTenure SqliteOrderReader::tenure() {
  Rows rows = tenure_.query();
  CHECK(rows.next());
  return {.head = {.epoch = static_cast<uint32_t>(rows.integer(0)), .next_voucher = {rows.count(1)}},
          .owner = std::string(rows.text(2)),
          .lease_left = std::chrono::milliseconds(rows.integer(3))};
}

std::optional<StoredPacket> SqliteOrderReader::load(const PacketKey& packet, ColdParts& cold) {
  CHECK(packet.shard == shard_);
  const Transaction snapshot(database_, Transaction::Kind::kRead);
  Rows rows = parts_of_day_.query(packet.day);
  while (rows.next()) {
    const StoredDay stored = read_stored_day(rows);
    if (stored.place != DayPlace::kHot) {
      cold.push_back(stored);
    } else if (auto found = at(stored.part).load(packet.local)) {
      return found;
    }
  }
  return std::nullopt;
}

SqliteOrderReader::LogPiece SqliteOrderReader::read_log(VoucherNo from, size_t vouchers_max, LogIndex& index,
                                                        ColdParts& cold) {
  CHECK(from >= VoucherNo{1});
  const Transaction snapshot(database_, Transaction::Kind::kRead);
  const VoucherNo next = head().next_voucher;
  LogPiece piece{.vouchers = {}, .end = from};
  if (from >= next || vouchers_max == 0) {
    return piece;
  }
  piece.end = VoucherNo{from.value + std::min<uint64_t>(vouchers_max, next.value - from.value)};
  for (const Day day : index.days_between(from, piece.end, [&] { return log_index_of(days_with_ranges(), next); })) {
    Rows rows = parts_of_day_.query(day);
    while (rows.next()) {
      const StoredDay stored = read_stored_day(rows);
      if (stored.place == DayPlace::kHot) {
        at(stored.part).log(from, piece.end, piece.vouchers);
      } else if (stored.totals.touches(from, piece.end)) {
        cold.push_back(stored);
      }
    }
  }
  return piece;
}

std::vector<StoredDay> SqliteOrderReader::days_with_ranges() {
  std::vector<StoredDay> days = stored_days();
  add_log_ranges(days, [this](DayPart part) { return at(part).log_range(); });
  return days;
}

std::vector<PacketKey> SqliteOrderReader::due(Timestamp now, size_t packets_max) {
  const Transaction snapshot(database_, Transaction::Kind::kRead);
  std::vector<PacketKey> due;
  for (const StoredDay& stored : stored_days()) {
    if (stored.place == DayPlace::kHot && due.size() < packets_max) {
      at(stored.part).due(now, packets_max - due.size(), due);
    }
  }
  return due;
}

OrderTotals SqliteOrderReader::totals(VoucherNo since, ColdParts& cold) {
  const Transaction snapshot(database_, Transaction::Kind::kRead);
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

std::vector<PacketViolation> SqliteOrderReader::violations(size_t max, ColdParts& cold) {
  std::vector<PacketViolation> violations;
  for (const StoredDay& stored : stored_days()) {
    if (stored.place != DayPlace::kHot) {
      cold.push_back(stored);
      continue;
    }
    // A packet's vouchers lie in its part, so one snapshot a part is enough; a longer one would hold up the
    // checkpoints. The part may have moved meanwhile, and is whole there.
    const Transaction snapshot(database_, Transaction::Kind::kRead);
    Rows rows = parts_of_day_.query(stored.part.day);
    while (rows.next()) {
      const StoredDay now = read_stored_day(rows);
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

std::vector<StoredDay> SqliteOrderReader::days() {
  const Transaction snapshot(database_, Transaction::Kind::kRead);
  return days_with_ranges();
}

}  // namespace hongbao
