#include "adapters/sqlite/order_day.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/packet_audit.h"

namespace hongbao {
namespace {

// Walks a day's vouchers, sorted by packet, in step with its packets.
class VouchersByPacket {
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
  ShardId shard_;
  Day day_;
  std::optional<Voucher> next_;
};

}  // namespace

SqliteOrderDay::SqliteOrderDay(Database& database, ShardId shard, DayPart part)
    : database_(database),
      shard_(shard),
      part_(part),
      packet_(database.prepare(fmt::format("SELECT {} FROM {} WHERE local = ?", kPacketColumns, packet_table(part)))),
      vouchers_of_(database.prepare(
          fmt::format("SELECT {} FROM {} WHERE local = ? ORDER BY kind, seq", kVoucherColumns, voucher_table(part)))),
      log_(database.prepare(fmt::format("SELECT {} FROM {} WHERE no >= ? AND no < ? ORDER BY no LIMIT ?",
                                        kVoucherColumns, voucher_table(part)))),
      due_(database.prepare(
          fmt::format("SELECT local FROM {} WHERE state = {} AND expires_at <= ? ORDER BY expires_at, local LIMIT ?",
                      packet_table(part), static_cast<int>(PacketState::kActive)))) {}

std::optional<StoredPacket> SqliteOrderDay::load(LocalNo local) {
  StoredPacket stored;
  {
    Rows rows = packet_.query(local);
    if (!rows.next()) {
      return std::nullopt;
    }
    auto row = read_packet(rows, shard_, part_.day);
    stored.order = std::move(row.order);
    stored.state = row.state;
  }
  Rows rows = vouchers_of_.query(local);
  while (rows.next()) {
    stored.add(read_voucher(rows, shard_, part_.day));
  }
  return stored;
}

void SqliteOrderDay::log(VoucherNo from, VoucherNo end, std::vector<Voucher>& vouchers) {
  Rows rows = log_.query(from, end, std::numeric_limits<int64_t>::max());
  while (rows.next()) {
    vouchers.push_back(read_voucher(rows, shard_, part_.day));
  }
}

void SqliteOrderDay::due(Timestamp now, size_t packets_max, std::vector<PacketKey>& packets) {
  Rows rows = due_.query(now, packets_max);
  while (rows.next()) {
    packets.push_back({shard_, part_.day, LocalNo{rows.count(0)}});
  }
}

bool SqliteOrderDay::has_active() {
  std::vector<PacketKey> packets;
  due({std::numeric_limits<int64_t>::max()}, 1, packets);
  return !packets.empty();
}

std::optional<LogIndex::Range> SqliteOrderDay::log_range() {
  // Two subqueries, each one seek; min and max in one query would scan the table.
  Statement statement = database_.prepare(
      fmt::format("SELECT (SELECT min(no) FROM {0}), (SELECT max(no) FROM {0})", voucher_table(part_)));
  Rows rows = statement.query();
  return rows.next() && !rows.is_null(0) ? std::optional(LogIndex::Range{{rows.count(0)}, {rows.count(1)}})
                                         : std::nullopt;
}

void SqliteOrderDay::add_totals(VoucherNo since, OrderTotals& totals) {
  Statement statement = database_.prepare(
      fmt::format("SELECT count(*), count(*) FILTER (WHERE state = {}), coalesce(sum(total), 0) FROM {}",
                  static_cast<int>(PacketState::kActive), packet_table(part_)));
  Rows rows = statement.query();
  CHECK(rows.next());
  totals.packets += rows.count(0);
  totals.packets_active += rows.count(1);
  totals.packets_total += rows.money(2);
  totals.all += sums(VoucherNo{0});
  totals.unsettled += sums(since);
}

VoucherSums SqliteOrderDay::sums(VoucherNo since) {
  Statement statement = database_.prepare(
      fmt::format("SELECT kind, sum(amount) FROM {} WHERE no >= ? GROUP BY kind", voucher_table(part_)));
  Rows rows = statement.query(since);
  VoucherSums sums;
  while (rows.next()) {
    sums.add(static_cast<VoucherKind>(rows.integer(0)), rows.money(1));
  }
  return sums;
}

void SqliteOrderDay::add_violations(size_t max, std::vector<PacketViolation>& violations) {
  Statement all_packets =
      database_.prepare(fmt::format("SELECT {} FROM {} ORDER BY local", kPacketColumns, packet_table(part_)));
  // The unique key gives this order but for the last column.
  Statement all_vouchers = database_.prepare(
      fmt::format("SELECT {} FROM {} ORDER BY local, kind, seq", kVoucherColumns, voucher_table(part_)));
  Rows packet_rows = all_packets.query();
  Rows voucher_rows = all_vouchers.query();
  VouchersByPacket vouchers(voucher_rows, shard_, part_.day);
  const auto report_orphans = [&](std::optional<LocalNo> before) {
    while (vouchers.local() && (!before || *vouchers.local() < *before)) {
      const LocalNo orphan = *vouchers.local();
      vouchers.take(orphan);
      violations.push_back({{shard_, part_.day, orphan}, "a voucher has a packet"});
    }
  };
  while (violations.size() < max && packet_rows.next()) {
    const auto row = read_packet(packet_rows, shard_, part_.day);
    report_orphans(row.order.key.local);
    if (auto rule = broken_rule(row.order, row.state, vouchers.take(row.order.key.local))) {
      violations.push_back({row.order.key, std::move(*rule)});
    }
  }
  if (violations.size() < max) {
    report_orphans(std::nullopt);
  }
  violations.resize(std::min(violations.size(), max));
}

std::vector<PacketRow> SqliteOrderDay::packets(LocalNo from, size_t max) {
  Statement statement = database_.prepare(
      fmt::format("SELECT {} FROM {} WHERE local >= ? ORDER BY local LIMIT ?", kPacketColumns, packet_table(part_)));
  Rows rows = statement.query(from, max);
  std::vector<PacketRow> packets;
  while (rows.next()) {
    packets.push_back(read_packet(rows, shard_, part_.day));
  }
  return packets;
}

std::vector<Voucher> SqliteOrderDay::vouchers(VoucherNo from, size_t max) {
  std::vector<Voucher> vouchers;
  Rows rows = log_.query(from, std::numeric_limits<int64_t>::max(), max);
  while (rows.next()) {
    vouchers.push_back(read_voucher(rows, shard_, part_.day));
  }
  return vouchers;
}

}  // namespace hongbao
