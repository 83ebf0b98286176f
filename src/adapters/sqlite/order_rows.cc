#include "adapters/sqlite/order_rows.h"

#include <fmt/format.h>

namespace hongbao::sqlite {

const Schema& order_schema() {
  static const Schema schema{
      .application_id = 0x48426f72,  // "HBor"
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
  vouchers INTEGER, paid INTEGER, opened INTEGER, refunded INTEGER, least INTEGER, greatest INTEGER, checksum BLOB, copy INTEGER,
  PRIMARY KEY (day, part)) STRICT, WITHOUT ROWID;
INSERT INTO stored_day(day, part, place)
  SELECT CAST(round(julianday(substr(name, 8, 4) || '-' || substr(name, 12, 2) || '-' || substr(name, 14, 2))
                    - 2440587.5) AS INTEGER), 1, 1
  FROM sqlite_master WHERE type = 'table' AND name GLOB 'packet_[0-9]*';
)",
                "ALTER TABLE shard_head ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0",
                // Seeds lie sealed from here on (service/sealed_orders.h).
                R"(
CREATE TABLE seeds_in_clear(days INTEGER CONSTRAINT "its packets are of an older release: begin with new data"
  CHECK (days = 0)) STRICT;
INSERT INTO seeds_in_clear SELECT count(*) FROM stored_day;
DROP TABLE seeds_in_clear;
)",
                // Packets have a column for their group, and rows for where users are at home, from here on.
                R"(
CREATE TABLE packets_without_group(days INTEGER CONSTRAINT "its packets are of an older release: begin with new data"
  CHECK (days = 0)) STRICT;
INSERT INTO packets_without_group SELECT count(*) FROM stored_day;
DROP TABLE packets_without_group;
)"}};
  return schema;
}

Schema cold_schema(DayPart part) {
  return {.application_id = 0x4842636f, .steps = {create_part(part)}};  // "HBco"
}

std::string create_part(DayPart part) {
  const DayTables tables = hot_tables(part);
  // The partial index holds active packets only, so that looking for expired ones stays cheap. The unique key is the
  // second guard against two shares for one user, and finds a packet's vouchers.
  return fmt::format(R"(
CREATE TABLE IF NOT EXISTS {packet}(
  local INTEGER PRIMARY KEY, sender TEXT NOT NULL, recipient TEXT, kind INTEGER NOT NULL, rule INTEGER NOT NULL,
  total INTEGER NOT NULL, count INTEGER NOT NULL, seed BLOB NOT NULL, created_at INTEGER NOT NULL,
  payable_until INTEGER NOT NULL, paid_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, state INTEGER NOT NULL,
  group_id TEXT, sender_home INTEGER NOT NULL, paid_in INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS {packet}_active ON {packet}(expires_at) WHERE state = {active};
CREATE TABLE IF NOT EXISTS {voucher}(
  no INTEGER PRIMARY KEY, local INTEGER NOT NULL, kind INTEGER NOT NULL, seq INTEGER NOT NULL, user TEXT NOT NULL,
  amount INTEGER NOT NULL, at INTEGER NOT NULL, home INTEGER NOT NULL, paid_in INTEGER, UNIQUE (local, kind, user)) STRICT;
)",
                     fmt::arg("packet", tables.packets), fmt::arg("voucher", tables.vouchers),
                     fmt::arg("active", static_cast<int>(PacketState::kActive)));
}

void run_insert(Statement& statement, const Order& order, PacketState state) {
  for_columns(order, state, [&](const auto&... values) { statement.run(values...); });
}

void run_insert(Statement& statement, const Voucher& voucher) {
  for_columns(voucher, [&](const auto&... values) { statement.run(values...); });
}

}  // namespace hongbao::sqlite
