#include "adapters/mariadb/order_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/mariadb/order_rows.h"
#include "adapters/mariadb/order_totals.h"
#include "base/check.h"
#include "core/packet_audit.h"

namespace hongbao::mariadb {
namespace {

// Days with prepared statements on one connection: all days that are usually still hot.
constexpr size_t kPreparedDaysMax = 64;
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

OrderReader::OrderReader(Database database, ShardId shard)
    : database_(std::move(database)),
      shard_(shard),
      head_(database_.prepare("SELECT epoch, next_voucher FROM shard_head")),
      has_day_(database_.prepare("SELECT 1 FROM stored_day WHERE day = ?")),
      all_days_(database_.prepare("SELECT day FROM stored_day ORDER BY day")) {}

OrderReader::DayStatements& OrderReader::at(Day day) {
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

bool OrderReader::has(Day day) {
  Rows rows = has_day_.query(day);
  return rows.next();
}

std::vector<Day> OrderReader::stored_days() {
  Rows rows = all_days_.query();
  std::vector<Day> days;
  while (rows.next()) {
    days.push_back({static_cast<int32_t>(rows.integer(0))});
  }
  return days;
}

ShardHead OrderReader::head() {
  Rows rows = head_.query();
  CHECK(rows.next());
  return {.epoch = static_cast<uint32_t>(rows.integer(0)), .next_voucher = {rows.count(1)}};
}

std::optional<StoredPacket> OrderReader::load(const PacketKey& packet) {
  CHECK(packet.shard == shard_);
  const Snapshot snapshot(database_);
  if (!has(packet.day)) {
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

std::vector<Voucher> OrderReader::read_log(VoucherNo from, size_t vouchers_max, LogIndex& index) {
  CHECK(from >= VoucherNo{1});
  const Snapshot snapshot(database_);
  const VoucherNo next = head().next_voucher;
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

LogIndex::Snapshot OrderReader::read_log_index(VoucherNo upto) {
  LogIndex::Snapshot snapshot{.upto = upto, .days = {}};
  for (const Day day : stored_days()) {
    Statement statement = database_.prepare(fmt::format("SELECT MIN(no), MAX(no) FROM {}", voucher_table(day)));
    Rows rows = statement.query();
    if (rows.next() && !rows.is_null(0)) {
      snapshot.days.emplace(day, LogIndex::Range{{rows.count(0)}, {rows.count(1)}});
    }
  }
  return snapshot;
}

std::vector<PacketKey> OrderReader::due(Timestamp now, size_t packets_max) {
  const Snapshot snapshot(database_);
  std::vector<PacketKey> due;
  for (const Day day : stored_days()) {
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

OrderTotals OrderReader::totals(VoucherNo since) {
  const Snapshot snapshot(database_);
  OrderTotals totals;
  totals.next_voucher = head().next_voucher;
  for (const Day day : stored_days()) {
    add_day(database_, day, since, totals);
  }
  return totals;
}

std::vector<PacketViolation> OrderReader::violations(size_t max) {
  const Snapshot snapshot(database_);
  std::vector<PacketViolation> violations;
  for (const Day day : stored_days()) {
    add_violations(day, max, violations);
  }
  return violations;
}

// Both tables are walked in the order of `local`, a piece at a time, so that memory stays bounded.
void OrderReader::add_violations(Day day, size_t max, std::vector<PacketViolation>& violations) {
  Statement some_packets = database_.prepare(
      fmt::format("SELECT {} FROM {} WHERE local >= ? ORDER BY local LIMIT ?", kPacketColumns, packet_table(day)));
  Statement their_vouchers =
      database_.prepare(fmt::format("SELECT {} FROM {} WHERE local >= ? AND (local < ? OR ?) ORDER BY local, kind, seq",
                                    kVoucherColumns, voucher_table(day)));
  uint64_t from = 0;
  for (bool more = true; more && violations.size() < max;) {
    std::vector<PacketRow> packets;
    {
      Rows rows = some_packets.query(from, kAuditPackets);
      while (rows.next()) {
        packets.push_back(read_packet(rows, shard_, day));
      }
    }
    more = packets.size() == kAuditPackets;
    const uint64_t end = more ? packets.back().order.key.local.value + 1 : from;
    Rows rows = their_vouchers.query(from, end, more ? 0 : 1);
    Stream<Voucher, std::function<Voucher()>> vouchers(rows, [&] { return read_voucher(rows, shard_, day); });
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
    for (const PacketRow& row : packets) {
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

}  // namespace hongbao::mariadb
