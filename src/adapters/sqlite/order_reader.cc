#include "adapters/sqlite/order_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/sqlite/order_rows.h"
#include "base/check.h"
#include "core/packet_audit.h"

namespace hongbao {
namespace {

// Days with prepared statements on one connection: all days that are usually still hot.
constexpr size_t kPreparedDaysMax = 64;

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

SqliteOrderReader::SqliteOrderReader(Database database, ShardId shard)
    : database_(std::move(database)),
      shard_(shard),
      head_(database_.prepare("SELECT epoch, next_voucher FROM shard_head")),
      has_table_(database_.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?")) {}

SqliteOrderReader::DayStatements& SqliteOrderReader::at(Day day) {
  if (const auto found = days_.find(day); found != days_.end()) {
    return found->second;
  }
  if (days_.size() >= kPreparedDaysMax) {
    days_.clear();
  }
  DayStatements statements{
      .packet = database_.prepare(fmt::format("SELECT {} FROM {} WHERE local = ?", kPacketColumns, packet_table(day))),
      .vouchers_of = database_.prepare(
          fmt::format("SELECT {} FROM {} WHERE local = ? ORDER BY kind, seq", kVoucherColumns, voucher_table(day))),
      .log = database_.prepare(
          fmt::format("SELECT {} FROM {} WHERE no >= ? AND no < ? ORDER BY no", kVoucherColumns, voucher_table(day))),
      .due = database_.prepare(
          fmt::format("SELECT local FROM {} WHERE state = {} AND expires_at <= ? ORDER BY expires_at, local LIMIT ?",
                      packet_table(day), static_cast<int>(PacketState::kActive)))};
  return days_.emplace(day, std::move(statements)).first->second;
}

bool SqliteOrderReader::has(Day day) {
  Rows rows = has_table_.query(packet_table(day));
  return rows.next();
}

ShardHead SqliteOrderReader::read_head() {
  Rows rows = head_.query();
  CHECK(rows.next());
  return {.epoch = static_cast<uint32_t>(rows.integer(0)), .next_voucher = {rows.count(1)}};
}

ShardHead SqliteOrderReader::head() {
  return read_head();
}

std::optional<StoredPacket> SqliteOrderReader::load(const PacketKey& packet) {
  CHECK(packet.shard == shard_);
  const Transaction snapshot(database_, Transaction::Kind::kRead);
  if (!days_.contains(packet.day) && !has(packet.day)) {
    return std::nullopt;
  }
  DayStatements& statements = at(packet.day);
  StoredPacket stored;
  {
    Rows rows = statements.packet.query(packet.local);
    if (!rows.next()) {
      return std::nullopt;
    }
    auto row = read_packet(rows, shard_, packet.day);
    stored.order = std::move(row.order);
    stored.state = row.state;
  }
  Rows vouchers = statements.vouchers_of.query(packet.local);
  while (vouchers.next()) {
    stored.add(read_voucher(vouchers, shard_, packet.day));
  }
  return stored;
}

std::vector<Voucher> SqliteOrderReader::read_log(VoucherNo from, size_t vouchers_max, LogIndex& index) {
  CHECK(from >= VoucherNo{1});
  const Transaction snapshot(database_, Transaction::Kind::kRead);
  const VoucherNo next = read_head().next_voucher;
  if (from >= next || vouchers_max == 0) {
    return {};
  }
  const VoucherNo end{from.value + std::min<uint64_t>(vouchers_max, next.value - from.value)};
  auto days = index.days_between(from, end);
  if (!days) {
    index.replace(read_log_index(next));
    days = index.days_between(from, end);
    CHECK(days.has_value());
  }
  std::vector<Voucher> vouchers;
  vouchers.reserve(end.value - from.value);
  for (const Day day : *days) {
    Rows rows = at(day).log.query(from, end);
    while (rows.next()) {
      vouchers.push_back(read_voucher(rows, shard_, day));
    }
  }
  if (days->size() > 1) {
    std::ranges::sort(vouchers, {}, &Voucher::no);
  }
  CHECK(vouchers.size() == end.value - from.value);
  for (size_t i = 0; i < vouchers.size(); ++i) {
    CHECK(vouchers[i].no == from + i);
  }
  return vouchers;
}

LogIndex::Snapshot SqliteOrderReader::read_log_index(VoucherNo upto) {
  LogIndex::Snapshot snapshot{.upto = upto, .days = {}};
  for (const Day day : stored_days(database_)) {
    // Two subqueries, each one seek; min and max in one query would scan the table.
    Statement statement = database_.prepare(
        fmt::format("SELECT (SELECT min(no) FROM {0}), (SELECT max(no) FROM {0})", voucher_table(day)));
    Rows rows = statement.query();
    if (rows.next() && !rows.is_null(0)) {
      snapshot.days.emplace(day, LogIndex::Range{{rows.count(0)}, {rows.count(1)}});
    }
  }
  return snapshot;
}

std::vector<PacketKey> SqliteOrderReader::due(Timestamp now, size_t packets_max) {
  const Transaction snapshot(database_, Transaction::Kind::kRead);
  std::vector<PacketKey> due;
  for (const Day day : stored_days(database_)) {
    if (due.size() == packets_max) {
      break;
    }
    Rows rows = at(day).due.query(now, packets_max - due.size());
    while (rows.next()) {
      due.push_back({shard_, day, LocalNo{rows.count(0)}});
    }
  }
  return due;
}

OrderTotals SqliteOrderReader::totals(VoucherNo since) {
  const Transaction snapshot(database_, Transaction::Kind::kRead);
  OrderTotals totals;
  totals.next_voucher = read_head().next_voucher;
  for (const Day day : stored_days(database_)) {
    add_packets(day, totals);
    add_vouchers(day, VoucherNo{0}, totals.all);
    add_vouchers(day, since, totals.unsettled);
  }
  return totals;
}

void SqliteOrderReader::add_packets(Day day, OrderTotals& totals) {
  Statement statement = database_.prepare(
      fmt::format("SELECT count(*), count(*) FILTER (WHERE state = {}), coalesce(sum(total), 0) FROM {}",
                  static_cast<int>(PacketState::kActive), packet_table(day)));
  Rows rows = statement.query();
  CHECK(rows.next());
  totals.packets += rows.count(0);
  totals.packets_active += rows.count(1);
  totals.packets_total += rows.money(2);
}

void SqliteOrderReader::add_vouchers(Day day, VoucherNo since, OrderTotals::Sums& sums) {
  Statement statement = database_.prepare(fmt::format(
      "SELECT coalesce(sum(amount) FILTER (WHERE kind = {}), 0), coalesce(sum(amount) FILTER (WHERE kind = {}), 0), "
      "coalesce(sum(amount) FILTER (WHERE kind = {}), 0) FROM {} WHERE no >= ?",
      static_cast<int>(VoucherKind::kPaid), static_cast<int>(VoucherKind::kOpened),
      static_cast<int>(VoucherKind::kRefunded), voucher_table(day)));
  Rows rows = statement.query(since);
  CHECK(rows.next());
  sums.paid += rows.money(0);
  sums.opened += rows.money(1);
  sums.refunded += rows.money(2);
}

std::vector<PacketViolation> SqliteOrderReader::violations(size_t max) {
  std::vector<PacketViolation> violations;
  std::vector<Day> days = stored_days(database_);
  for (const Day day : days) {
    // A packet's vouchers lie in its day, so one snapshot a day is enough; a longer one would hold up the checkpoints.
    const Transaction snapshot(database_, Transaction::Kind::kRead);
    add_violations(day, max, violations);
  }
  return violations;
}

void SqliteOrderReader::add_violations(Day day, size_t max, std::vector<PacketViolation>& violations) {
  Statement all_packets =
      database_.prepare(fmt::format("SELECT {} FROM {} ORDER BY local", kPacketColumns, packet_table(day)));
  // The unique key gives this order but for the last column.
  Statement all_vouchers = database_.prepare(
      fmt::format("SELECT {} FROM {} ORDER BY local, kind, seq", kVoucherColumns, voucher_table(day)));
  Rows packet_rows = all_packets.query();
  Rows voucher_rows = all_vouchers.query();
  VouchersByPacket vouchers(voucher_rows, shard_, day);
  const auto report_orphans = [&](std::optional<LocalNo> before) {
    while (vouchers.local() && (!before || *vouchers.local() < *before)) {
      const LocalNo orphan = *vouchers.local();
      vouchers.take(orphan);
      violations.push_back({{shard_, day, orphan}, "a voucher has a packet"});
    }
  };
  while (violations.size() < max && packet_rows.next()) {
    const auto row = read_packet(packet_rows, shard_, day);
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

}  // namespace hongbao
