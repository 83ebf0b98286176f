// One part of a day on one connection for reading: in the shard's database while it is hot, in a cold one later. The
// connection outlives it, and is in a snapshot when a reading must be one.
//
// `Engine` names an engine's types and what its SQL does otherwise (adapters/sqlite/engine.h):
//   Database, Statement, Rows    a connection, what it prepared, and a running query
//   Snapshot                     made from a Database: what is read while it lives is one moment
//   Error                        what all of them throw
//   void add_totals(Database&, const DayTables&, VoucherNo since, OrderTotals&)   all of a part, and from `since` on
//   VoucherSums sums(Database&, const DayTables&, VoucherNo since)
//   lease_left_ms()              SQL: how long a row of shard_head is still leased, by the engine's clock; at least 0
//   ReaderPool<Reader>, ColdDays (storage/order_reads.h)
//
// Threads: the connection's. Errors: Engine::Error, DamagedRow.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/packet_audit.h"
#include "ports/order_store.h"
#include "storage/day_tables.h"
#include "storage/log_index.h"
#include "storage/stored_rows.h"

namespace hongbao {

// An audit reads a day in pieces of so many packets, with all their vouchers.
inline constexpr size_t kAuditPackets = 256;

template <class Engine>
class OrderDay {
 public:
  using Database = typename Engine::Database;
  using Statement = typename Engine::Statement;
  using Rows = typename Engine::Rows;

  OrderDay(Database& database, ShardId shard, Day day, DayTables tables);

  std::optional<StoredPacket> load(LocalNo local);
  // Appends the vouchers numbered from ≤ no < end.
  void log(VoucherNo from, VoucherNo end, std::vector<Voucher>& vouchers);
  // Appends up to `packets_max` active packets with expires_at ≤ now.
  void due(Timestamp now, size_t packets_max, std::vector<PacketKey>& packets);
  bool has_active();
  // nullopt: there are none.
  std::optional<LogIndex::Range> log_range();
  void add_totals(VoucherNo since, OrderTotals& totals) { Engine::add_totals(database_, tables_, since, totals); }
  VoucherSums sums(VoucherNo since) { return Engine::sums(database_, tables_, since); }
  // Appends what breaks a rule, as long as `violations` holds fewer than `max`.
  void add_violations(size_t max, std::vector<PacketViolation>& violations);

  // For moving the part: at most `max` rows from a key on, ascending.
  std::vector<PacketRow> packets(LocalNo from, size_t max) { return packets_from(from, max); }
  std::vector<Voucher> vouchers(VoucherNo from, size_t max);

 private:
  class VouchersByPacket;
  template <class Key>
  std::vector<PacketRow> packets_from(Key from, size_t max);
  void check(const std::vector<PacketRow>& packets, Rows& their_vouchers, std::vector<PacketViolation>& violations);

  Database& database_;
  const ShardId shard_;
  const Day day_;
  const DayTables tables_;
  Statement packet_;
  Statement vouchers_of_;
  Statement log_;
  Statement due_;
};

template <class Engine>
OrderDay<Engine>::OrderDay(Database& database, ShardId shard, Day day, DayTables tables)
    : database_(database),
      shard_(shard),
      day_(day),
      tables_(std::move(tables)),
      packet_(database.prepare(fmt::format("SELECT {} FROM {} WHERE local = ?", kPacketColumns, tables_.packets))),
      vouchers_of_(database.prepare(
          fmt::format("SELECT {} FROM {} WHERE local = ? ORDER BY kind, seq", kVoucherColumns, tables_.vouchers))),
      log_(database.prepare(fmt::format("SELECT {} FROM {} WHERE no >= ? AND no < ? ORDER BY no LIMIT ?",
                                        kVoucherColumns, tables_.vouchers))),
      due_(database.prepare(
          fmt::format("SELECT local FROM {} WHERE state = {} AND expires_at <= ? ORDER BY expires_at, local LIMIT ?",
                      tables_.packets, static_cast<int>(PacketState::kActive)))) {}

template <class Engine>
std::optional<StoredPacket> OrderDay<Engine>::load(LocalNo local) {
  StoredPacket stored;
  {
    Rows rows = packet_.query(local);
    if (!rows.next()) {
      return std::nullopt;
    }
    auto row = read_packet(rows, shard_, day_);
    stored.order = std::move(row.order);
    stored.state = row.state;
  }
  Rows rows = vouchers_of_.query(local);
  while (rows.next()) {
    stored.add(read_voucher(rows, shard_, day_));
  }
  return stored;
}

template <class Engine>
void OrderDay<Engine>::log(VoucherNo from, VoucherNo end, std::vector<Voucher>& vouchers) {
  Rows rows = log_.query(from, end, std::numeric_limits<int64_t>::max());
  while (rows.next()) {
    vouchers.push_back(read_voucher(rows, shard_, day_));
  }
}

template <class Engine>
void OrderDay<Engine>::due(Timestamp now, size_t packets_max, std::vector<PacketKey>& packets) {
  Rows rows = due_.query(now, packets_max);
  while (rows.next()) {
    packets.push_back({shard_, day_, LocalNo{rows.count(0)}});
  }
}

template <class Engine>
bool OrderDay<Engine>::has_active() {
  std::vector<PacketKey> packets;
  due({std::numeric_limits<int64_t>::max()}, 1, packets);
  return !packets.empty();
}

template <class Engine>
std::optional<LogIndex::Range> OrderDay<Engine>::log_range() {
  // Two subqueries, each one seek; SQLite would scan the table for min and max in one query.
  Statement statement =
      database_.prepare(fmt::format("SELECT (SELECT min(no) FROM {0}), (SELECT max(no) FROM {0})", tables_.vouchers));
  Rows rows = statement.query();
  return rows.next() && !rows.is_null(0) ? std::optional(LogIndex::Range{{rows.count(0)}, {rows.count(1)}})
                                         : std::nullopt;
}

// A day's vouchers, sorted by packet, walked in step with its packets.
template <class Engine>
class OrderDay<Engine>::VouchersByPacket {
 public:
  VouchersByPacket(Rows& rows, ShardId shard, Day day) : rows_(rows), shard_(shard), day_(day) { advance(); }

  // The packet of the voucher that comes next; nullopt at the end.
  [[nodiscard]] std::optional<LocalNo> local() const {
    return next_ ? std::optional(next_->packet.local) : std::nullopt;
  }
  std::vector<Voucher> take(LocalNo local) {
    std::vector<Voucher> vouchers;
    while (next_ && next_->packet.local == local) {
      vouchers.push_back(std::move(*next_));
      advance();
    }
    return vouchers;
  }

 private:
  void advance() { next_ = rows_.next() ? std::optional(read_voucher(rows_, shard_, day_)) : std::nullopt; }

  Rows& rows_;
  const ShardId shard_;
  const Day day_;
  std::optional<Voucher> next_;
};

// Both tables are walked in the order of `local`, a piece at a time, so that memory stays bounded. Keys are int64 here,
// from the least one on: what is damaged may have any.
template <class Engine>
void OrderDay<Engine>::add_violations(size_t max, std::vector<PacketViolation>& violations) {
  Statement vouchers_of_piece = database_.prepare(fmt::format(
      "SELECT {} FROM {} WHERE local >= ? AND local < ? ORDER BY local, kind, seq", kVoucherColumns, tables_.vouchers));
  Statement vouchers_of_rest = database_.prepare(
      fmt::format("SELECT {} FROM {} WHERE local >= ? ORDER BY local, kind, seq", kVoucherColumns, tables_.vouchers));
  int64_t from = std::numeric_limits<int64_t>::min();
  for (bool more = true; more && violations.size() < max;) {
    const std::vector<PacketRow> piece = packets_from(from, kAuditPackets);
    const int64_t last = piece.empty() ? from : static_cast<int64_t>(piece.back().order.key.local.value);
    more = piece.size() == kAuditPackets && last >= from && last < std::numeric_limits<int64_t>::max();
    Rows their_vouchers = more ? vouchers_of_piece.query(from, last + 1) : vouchers_of_rest.query(from);
    check(piece, their_vouchers, violations);
    from = more ? last + 1 : from;
  }
  violations.resize(std::min(violations.size(), max));
}

template <class Engine>
void OrderDay<Engine>::check(const std::vector<PacketRow>& packets, Rows& their_vouchers,
                             std::vector<PacketViolation>& violations) {
  VouchersByPacket vouchers(their_vouchers, shard_, day_);
  const auto report_orphans = [&](std::optional<LocalNo> before) {
    while (vouchers.local() && (!before || *vouchers.local() < *before)) {
      const LocalNo orphan = *vouchers.local();
      vouchers.take(orphan);
      violations.push_back({{shard_, day_, orphan}, "a voucher has a packet"});
    }
  };
  for (const PacketRow& row : packets) {
    report_orphans(row.order.key.local);
    if (auto rule = broken_rule(row.order, row.state, vouchers.take(row.order.key.local))) {
      violations.push_back({row.order.key, std::move(*rule)});
    }
  }
  report_orphans(std::nullopt);
}

template <class Engine>
template <class Key>
std::vector<PacketRow> OrderDay<Engine>::packets_from(Key from, size_t max) {
  Statement statement = database_.prepare(
      fmt::format("SELECT {} FROM {} WHERE local >= ? ORDER BY local LIMIT ?", kPacketColumns, tables_.packets));
  Rows rows = statement.query(from, max);
  std::vector<PacketRow> packets;
  while (rows.next()) {
    packets.push_back(read_packet(rows, shard_, day_));
  }
  return packets;
}

template <class Engine>
std::vector<Voucher> OrderDay<Engine>::vouchers(VoucherNo from, size_t max) {
  std::vector<Voucher> vouchers;
  Rows rows = log_.query(from, std::numeric_limits<int64_t>::max(), max);
  while (rows.next()) {
    vouchers.push_back(read_voucher(rows, shard_, day_));
  }
  return vouchers;
}

// Parts of days with prepared statements on one connection.
template <class Engine>
class PreparedDays {
 public:
  explicit PreparedDays(size_t days_max) : days_max_(days_max) {}

  // Its tables are named by `tables(part)`. Valid until the next call.
  template <class Tables>
  OrderDay<Engine>& at(typename Engine::Database& database, ShardId shard, DayPart part, Tables tables) {
    if (const auto found = days_.find(part); found != days_.end()) {
      return found->second;
    }
    if (days_.size() >= days_max_) {
      days_.clear();
    }
    return days_
        .emplace(std::piecewise_construct, std::forward_as_tuple(part),
                 std::forward_as_tuple(database, shard, part.day, tables(part)))
        .first->second;
  }

 private:
  const size_t days_max_;
  std::map<DayPart, OrderDay<Engine>> days_;
};

}  // namespace hongbao
