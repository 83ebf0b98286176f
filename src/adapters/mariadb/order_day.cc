#include "adapters/mariadb/order_day.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "core/packet_audit.h"

namespace hongbao::mariadb {
namespace {

// An audit reads a day in pieces of so many packets, with all their vouchers.
constexpr int kAuditPackets = 256;

// The rows of a query, one by one, in step with another query's.
template <class Value, class Read>
class Stream {
 public:
  Stream(Rows& rows, Read read) : rows_(rows), read_(std::move(read)) { advance(); }
  [[nodiscard]] const std::optional<Value>& next() const { return next_; }
  Value take() {
    Value taken = std::move(*next_);
    advance();
    return taken;
  }

 private:
  void advance() { next_ = rows_.next() ? std::optional<Value>(read_()) : std::nullopt; }

  Rows& rows_;
  Read read_;
  std::optional<Value> next_;
};

}  // namespace

OrderDay::OrderDay(Database& database, ShardId shard, Day day, DayTables tables)
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

std::optional<StoredPacket> OrderDay::load(LocalNo local) {
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

void OrderDay::log(VoucherNo from, VoucherNo end, std::vector<Voucher>& vouchers) {
  Rows rows = log_.query(from, end, std::numeric_limits<int64_t>::max());
  while (rows.next()) {
    vouchers.push_back(read_voucher(rows, shard_, day_));
  }
}

void OrderDay::due(Timestamp now, size_t packets_max, std::vector<PacketKey>& packets) {
  Rows rows = due_.query(now, packets_max);
  while (rows.next()) {
    packets.push_back({shard_, day_, LocalNo{rows.count(0)}});
  }
}

bool OrderDay::has_active() {
  std::vector<PacketKey> packets;
  due({std::numeric_limits<int64_t>::max()}, 1, packets);
  return !packets.empty();
}

std::optional<LogIndex::Range> OrderDay::log_range() {
  Statement statement = database_.prepare(fmt::format("SELECT MIN(no), MAX(no) FROM {}", tables_.vouchers));
  Rows rows = statement.query();
  return rows.next() && !rows.is_null(0) ? std::optional(LogIndex::Range{{rows.count(0)}, {rows.count(1)}})
                                         : std::nullopt;
}

// Both tables are walked in the order of `local`, a piece at a time, so that memory stays bounded.
void OrderDay::add_violations(size_t max, std::vector<PacketViolation>& violations) {
  Statement their_vouchers =
      database_.prepare(fmt::format("SELECT {} FROM {} WHERE local >= ? AND (local < ? OR ?) ORDER BY local, kind, seq",
                                    kVoucherColumns, tables_.vouchers));
  LocalNo from{0};
  for (bool more = true; more && violations.size() < max;) {
    const std::vector<PacketRow> rows = packets(from, kAuditPackets);
    more = rows.size() == kAuditPackets;
    const LocalNo end = more ? LocalNo{rows.back().order.key.local.value + 1} : from;
    Rows voucher_rows = their_vouchers.query(from, end, more ? 0 : 1);
    Stream<Voucher, std::function<Voucher()>> vouchers(voucher_rows,
                                                       [&] { return read_voucher(voucher_rows, shard_, day_); });
    const auto take_of = [&](std::optional<LocalNo> local) {
      std::vector<Voucher> taken;
      while (vouchers.next() && (!local || vouchers.next()->packet.local == *local)) {
        taken.push_back(vouchers.take());
      }
      return taken;
    };
    const auto report_orphans = [&](std::optional<LocalNo> before) {
      while (vouchers.next() && (!before || vouchers.next()->packet.local < *before)) {
        const PacketKey orphan = vouchers.next()->packet;
        (void)take_of(orphan.local);
        violations.push_back({orphan, "a voucher has a packet"});
      }
    };
    for (const PacketRow& row : rows) {
      report_orphans(row.order.key.local);
      if (auto rule = broken_rule(row.order, row.state, take_of(row.order.key.local))) {
        violations.push_back({row.order.key, std::move(*rule)});
      }
    }
    report_orphans(std::nullopt);
    from = end;
  }
  violations.resize(std::min(violations.size(), max));
}

std::vector<PacketRow> OrderDay::packets(LocalNo from, size_t max) {
  Statement statement = database_.prepare(
      fmt::format("SELECT {} FROM {} WHERE local >= ? ORDER BY local LIMIT ?", kPacketColumns, tables_.packets));
  Rows rows = statement.query(from, max);
  std::vector<PacketRow> packets;
  while (rows.next()) {
    packets.push_back(read_packet(rows, shard_, day_));
  }
  return packets;
}

std::vector<Voucher> OrderDay::vouchers(VoucherNo from, size_t max) {
  std::vector<Voucher> vouchers;
  Rows rows = log_.query(from, std::numeric_limits<int64_t>::max(), max);
  while (rows.next()) {
    vouchers.push_back(read_voucher(rows, shard_, day_));
  }
  return vouchers;
}

}  // namespace hongbao::mariadb
