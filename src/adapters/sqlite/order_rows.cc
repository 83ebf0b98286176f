#include "adapters/sqlite/order_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace hongbao {
namespace {

UserId read_user(const Rows& rows, int column) {
  return rows.is_null(column) ? UserId() : UserId::trusted(std::string(rows.text(column)));
}

}  // namespace

const Schema& order_schema() {
  static const Schema schema{.application_id = 0x48426f72,  // "HBor"
                             .steps = {R"(
CREATE TABLE shard(id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT;
CREATE TABLE shard_head(
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, owner TEXT NOT NULL, lease_until INTEGER NOT NULL,
  next_voucher INTEGER NOT NULL) STRICT;
INSERT INTO shard_head VALUES (1, 0, '', 0, 1);
)",
                                       R"(
CREATE TABLE stored_day(
  day INTEGER NOT NULL, part INTEGER NOT NULL, place INTEGER NOT NULL, packets INTEGER, packets_total INTEGER,
  vouchers INTEGER, paid INTEGER, opened INTEGER, refunded INTEGER, least INTEGER, greatest INTEGER, checksum BLOB,
  PRIMARY KEY (day, part)) STRICT, WITHOUT ROWID;
INSERT INTO stored_day(day, part, place)
  SELECT CAST(round(julianday(substr(name, 8, 4) || '-' || substr(name, 12, 2) || '-' || substr(name, 14, 2))
                    - 2440587.5) AS INTEGER), 1, 1
  FROM sqlite_master WHERE type = 'table' AND name GLOB 'packet_[0-9]*';
)"}};
  return schema;
}

Schema cold_schema(DayPart part) {
  return {.application_id = 0x4842636f, .steps = {create_part(part)}};  // "HBco"
}

std::string packet_table(DayPart part) {
  return fmt::format("packet_{}", to_text(part));
}

std::string voucher_table(DayPart part) {
  return fmt::format("voucher_{}", to_text(part));
}

std::string create_part(DayPart part) {
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
                     fmt::arg("packet", packet_table(part)), fmt::arg("voucher", voucher_table(part)),
                     fmt::arg("active", static_cast<int>(PacketState::kActive)));
}

std::string insert_packet(DayPart part) {
  return fmt::format("INSERT INTO {}({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", packet_table(part), kPacketColumns);
}

std::string insert_voucher(DayPart part) {
  return fmt::format("INSERT INTO {}({}) VALUES (?,?,?,?,?,?,?)", voucher_table(part), kVoucherColumns);
}

void run_insert(Statement& statement, const Order& order, PacketState state) {
  const auto recipient = order.recipient.empty() ? std::nullopt : std::optional<UserId>(order.recipient);
  statement.run(order.key.local, order.sender, recipient, order.kind, order.rule, order.total, order.count,
                Bytes(order.seed.bytes), order.created_at, order.payable_until, order.paid_at, order.expires_at, state);
}

void run_insert(Statement& statement, const Voucher& voucher) {
  statement.run(voucher.no, voucher.packet.local, voucher.kind, voucher.seq, voucher.user, voucher.amount, voucher.at);
}

StoredDay read_stored_day(const Rows& rows) {
  StoredDay stored{.part = {{static_cast<int32_t>(rows.integer(0))}, static_cast<uint32_t>(rows.integer(1))},
                   .place = static_cast<DayPlace>(rows.integer(2)),
                   .totals = {}};
  if (stored.place == DayPlace::kHot) {
    return stored;
  }
  stored.totals = {.packets = rows.count(3),
                   .packets_total = rows.money(4),
                   .vouchers = rows.count(5),
                   .sums = {.paid = rows.money(6), .opened = rows.money(7), .refunded = rows.money(8)},
                   .least = {rows.count(9)},
                   .greatest = {rows.count(10)}};
  const Bytes checksum = rows.blob(11);
  CHECK(checksum.size() == stored.totals.checksum.size());
  std::ranges::copy(checksum, stored.totals.checksum.begin());
  return stored;
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
