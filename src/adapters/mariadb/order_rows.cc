#include "adapters/mariadb/order_rows.h"

#include <fmt/format.h>

#include "adapters/mariadb/schema.h"

namespace hongbao::mariadb {

const std::vector<SchemaStep>& order_schema_steps() {
  // `shard` is filled by the first server that opens the database, and then names it for good.
  static const std::vector<SchemaStep> steps{
      {
          "CREATE TABLE IF NOT EXISTS shard(id TINYINT PRIMARY KEY, name CHAR(4) CHARACTER SET ascii COLLATE ascii_bin "
          "NOT "
          "NULL) ENGINE = InnoDB",
          "CREATE TABLE IF NOT EXISTS shard_head(id TINYINT PRIMARY KEY, epoch INT UNSIGNED NOT NULL, owner "
          "VARCHAR(64) "
          "CHARACTER SET ascii COLLATE ascii_bin NOT NULL, lease_until BIGINT NOT NULL, lease_ms BIGINT NOT NULL, "
          "next_voucher BIGINT UNSIGNED NOT NULL) ENGINE = InnoDB",
          "INSERT IGNORE INTO shard_head(id, epoch, owner, lease_until, lease_ms, next_voucher) VALUES (1, 0, '', 0, "
          "0, 1)",
          "CREATE TABLE IF NOT EXISTS stored_day(day INT PRIMARY KEY) ENGINE = InnoDB",
      },
      {
          // Days move to cold storage, a part at a time; figures are there once a part has moved.
          "ALTER TABLE stored_day ADD COLUMN IF NOT EXISTS (part INT UNSIGNED NOT NULL DEFAULT 1, place TINYINT NOT "
          "NULL "
          "DEFAULT 1, packets BIGINT UNSIGNED, packets_total BIGINT, vouchers BIGINT UNSIGNED, paid BIGINT, opened "
          "BIGINT, "
          "refunded BIGINT, least BIGINT UNSIGNED, greatest BIGINT UNSIGNED, checksum BINARY(32), copy INT UNSIGNED)",
          "ALTER TABLE stored_day DROP PRIMARY KEY, ADD PRIMARY KEY (day, part)",
      },
      {
          "ALTER TABLE shard_head ADD COLUMN IF NOT EXISTS incarnation BIGINT UNSIGNED NOT NULL DEFAULT 0",
      },
      {
          // Seeds lie sealed from here on (service/sealed_orders.h).
          "CREATE OR REPLACE TABLE seeds_in_clear(days BIGINT, CONSTRAINT "
          "`its packets are of an older release, begin with new data` CHECK (days = 0)) ENGINE = InnoDB",
          "INSERT INTO seeds_in_clear SELECT COUNT(*) FROM stored_day",
          "DROP TABLE seeds_in_clear",
      },
      {
          // Packets have a column for their group, and rows for where users are at home, from here on.
          "CREATE OR REPLACE TABLE packets_without_group(days BIGINT, CONSTRAINT "
          "`its packets are of an older release, begin with new data` CHECK (days = 0)) ENGINE = InnoDB",
          "INSERT INTO packets_without_group SELECT COUNT(*) FROM stored_day",
          "DROP TABLE packets_without_group",
      }};
  return steps;
}

const std::vector<SchemaStep>& cold_schema_steps() {
  // Parts come as they are moved here.
  static const std::vector<SchemaStep> steps{{}};
  return steps;
}

namespace {

constexpr std::string_view kUserType = "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin";

}  // namespace

DayTables cold_tables(DayPart part, uint32_t epoch) {
  return {fmt::format("packet_{}_e{}", to_text(part), epoch), fmt::format("voucher_{}_e{}", to_text(part), epoch)};
}

namespace {

std::string create_packets(const std::string& table, std::string_view indexes, std::string_view options) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {}(local BIGINT UNSIGNED PRIMARY KEY, sender {user} NOT NULL, recipient {user}, kind "
      "TINYINT NOT NULL, rule TINYINT NOT NULL, total BIGINT NOT NULL, count INT UNSIGNED NOT NULL, seed BINARY(32) "
      "NOT NULL, created_at BIGINT NOT NULL, payable_until BIGINT NOT NULL, paid_at BIGINT NOT NULL, expires_at BIGINT "
      "NOT NULL, state TINYINT NOT NULL, group_id {user}, sender_home TINYINT NOT NULL, paid_in TINYINT UNSIGNED NOT "
      "NULL{}) ENGINE = InnoDB {}",
      table, indexes, options, fmt::arg("user", kUserType));
}

std::string create_vouchers(const std::string& table, std::string_view options) {
  // The unique key is the second guard against two shares for one user, and finds a packet's vouchers.
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {}(no BIGINT UNSIGNED PRIMARY KEY, local BIGINT UNSIGNED NOT NULL, kind TINYINT NOT "
      "NULL, seq INT UNSIGNED NOT NULL, user {} NOT NULL, amount BIGINT NOT NULL, at BIGINT NOT NULL, home TINYINT NOT "
      "NULL, paid_in TINYINT UNSIGNED, UNIQUE KEY "
      "taker(local, kind, user)) ENGINE = InnoDB {}",
      table, kUserType, options);
}

}  // namespace

std::vector<std::string> create_hot(DayPart part) {
  const DayTables tables = hot_tables(part);
  return {create_packets(tables.packets, ", KEY due(state, expires_at)", ""), create_vouchers(tables.vouchers, ""),
          fmt::format("INSERT IGNORE INTO stored_day(day, part) VALUES ({}, {})", part.day.since_epoch, part.number),
          "COMMIT"};
}

std::vector<std::string> create_cold(const DayTables& tables) {
  constexpr std::string_view compressed = "ROW_FORMAT = COMPRESSED KEY_BLOCK_SIZE = 8";
  return {create_packets(tables.packets, "", compressed), create_vouchers(tables.vouchers, compressed)};
}

void add_row(ValueRows& rows, const Order& order, PacketState state) {
  for_columns(order, state, [&](const auto&... values) { rows.add(values...); });
}

void add_row(ValueRows& rows, const Voucher& voucher) {
  for_columns(voucher, [&](const auto&... values) { rows.add(values...); });
}

}  // namespace hongbao::mariadb
