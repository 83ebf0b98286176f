#include "adapters/sqlite/order_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace hongbao {
namespace {

constexpr std::string_view kPacketPrefix = "packet_";

UserId read_user(const Rows& rows, int column) {
  return rows.is_null(column) ? UserId() : UserId::trusted(std::string(rows.text(column)));
}

}  // namespace

const Schema& order_schema() {
  static const Schema schema{.application_id = 0x48426f72,  // "HBor"
                             .version = 1,
                             .tables = R"(
CREATE TABLE shard(id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT;
CREATE TABLE shard_head(
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, owner TEXT NOT NULL, lease_until INTEGER NOT NULL,
  next_voucher INTEGER NOT NULL) STRICT;
INSERT INTO shard_head VALUES (1, 0, '', 0, 1);
)"};
  return schema;
}

std::string packet_table(Day day) {
  return fmt::format("{}{}", kPacketPrefix, day.yyyymmdd());
}

std::string voucher_table(Day day) {
  return fmt::format("voucher_{}", day.yyyymmdd());
}

std::string create_day(Day day) {
  // The partial index holds active packets only, so that looking for expired ones stays cheap. The unique key is the
  // second guard against two shares for one user, and finds a packet's vouchers.
  return fmt::format(R"(
CREATE TABLE IF NOT EXISTS {packet}(
  local INTEGER PRIMARY KEY, sender TEXT NOT NULL, recipient TEXT, kind INTEGER NOT NULL, rule INTEGER NOT NULL,
  total INTEGER NOT NULL, count INTEGER NOT NULL, seed BLOB NOT NULL, created_at INTEGER NOT NULL,
  payable_until INTEGER NOT NULL, paid_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, state INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS {packet}_active ON {packet}(expires_at) WHERE state = {active};
CREATE TABLE IF NOT EXISTS {voucher}(
  no INTEGER PRIMARY KEY, local INTEGER NOT NULL, kind INTEGER NOT NULL, seq INTEGER NOT NULL, user TEXT NOT NULL,
  amount INTEGER NOT NULL, at INTEGER NOT NULL, UNIQUE (local, kind, user)) STRICT;
)",
                     fmt::arg("packet", packet_table(day)), fmt::arg("voucher", voucher_table(day)),
                     fmt::arg("active", static_cast<int>(PacketState::kActive)));
}

std::vector<Day> stored_days(Database& database) {
  Statement tables = database.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'packet_[0-9]*' ORDER BY name");
  Rows rows = tables.query();
  std::vector<Day> days;
  while (rows.next()) {
    if (const auto day = Day::parse_yyyymmdd(rows.text(0).substr(kPacketPrefix.size()))) {
      days.push_back(*day);
    }
  }
  return days;
}

PacketRow read_packet(const Rows& rows, ShardId shard, Day day) {
  PacketRow row{.order = {.key = {shard, day, LocalNo{rows.count(0)}},
                          .sender = read_user(rows, 1),
                          .recipient = read_user(rows, 2),
                          .kind = static_cast<PacketKind>(rows.integer(3)),
                          .rule = static_cast<Rule>(rows.integer(4)),
                          .total = rows.money(5),
                          .count = static_cast<uint32_t>(rows.integer(6)),
                          .seed = {},
                          .created_at = {rows.integer(8)},
                          .payable_until = {rows.integer(9)},
                          .paid_at = {rows.integer(10)},
                          .expires_at = {rows.integer(11)}},
                .state = static_cast<PacketState>(rows.integer(12))};
  const Bytes seed = rows.blob(7);
  CHECK(seed.size() == row.order.seed.bytes.size());
  std::copy(seed.begin(), seed.end(), row.order.seed.bytes.begin());
  return row;
}

Voucher read_voucher(const Rows& rows, ShardId shard, Day day) {
  return {.no = {rows.count(0)},
          .packet = {shard, day, LocalNo{rows.count(1)}},
          .kind = static_cast<VoucherKind>(rows.integer(2)),
          .seq = static_cast<uint32_t>(rows.integer(3)),
          .user = read_user(rows, 4),
          .amount = rows.money(5),
          .at = {rows.integer(6)}};
}

}  // namespace hongbao
