#include "adapters/mariadb/order_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/mariadb/schema.h"

namespace hongbao {

const std::vector<SchemaStep>& order_schema_steps() {
  // `shard` is filled by the first server that opens the database, and then names it for good.
  static const std::vector<SchemaStep> steps{{
      "CREATE TABLE IF NOT EXISTS shard(id TINYINT PRIMARY KEY, name CHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT "
      "NULL) ENGINE = InnoDB",
      "CREATE TABLE IF NOT EXISTS shard_head(id TINYINT PRIMARY KEY, epoch INT UNSIGNED NOT NULL, owner VARCHAR(64) "
      "CHARACTER SET ascii COLLATE ascii_bin NOT NULL, lease_until BIGINT NOT NULL, lease_ms BIGINT NOT NULL, "
      "next_voucher BIGINT UNSIGNED NOT NULL) ENGINE = InnoDB",
      "INSERT IGNORE INTO shard_head VALUES (1, 0, '', 0, 0, 1)",
      "CREATE TABLE IF NOT EXISTS stored_day(day INT PRIMARY KEY) ENGINE = InnoDB",
  }};
  return steps;
}

namespace mariadb {
namespace {

UserId read_user(const Rows& rows, size_t column) {
  return rows.is_null(column) ? UserId() : UserId::trusted(std::string(rows.text(column)));
}

}  // namespace

std::string packet_table(Day day) {
  return fmt::format("packet_{}", day.yyyymmdd());
}

std::string voucher_table(Day day) {
  return fmt::format("voucher_{}", day.yyyymmdd());
}

std::vector<std::string> create_day(Day day) {
  // The unique key is the second guard against two shares for one user, and finds a packet's vouchers.
  constexpr std::string_view user = "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin";
  return {fmt::format("CREATE TABLE IF NOT EXISTS {}(local BIGINT UNSIGNED PRIMARY KEY, sender {} NOT NULL, recipient "
                      "{}, kind TINYINT NOT NULL, rule TINYINT NOT NULL, total BIGINT NOT NULL, count INT UNSIGNED NOT "
                      "NULL, seed BINARY(32) NOT NULL, created_at BIGINT NOT NULL, payable_until BIGINT NOT NULL, "
                      "paid_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, state TINYINT NOT NULL, KEY due(state, "
                      "expires_at)) ENGINE = InnoDB",
                      packet_table(day), user, user),
          fmt::format("CREATE TABLE IF NOT EXISTS {}(no BIGINT UNSIGNED PRIMARY KEY, local BIGINT UNSIGNED NOT NULL, "
                      "kind TINYINT NOT NULL, seq INT UNSIGNED NOT NULL, user {} NOT NULL, amount BIGINT NOT NULL, at "
                      "BIGINT NOT NULL, UNIQUE KEY taker(local, kind, user)) ENGINE = InnoDB",
                      voucher_table(day), user),
          fmt::format("INSERT IGNORE INTO stored_day(day) VALUES ({})", day.since_epoch), "COMMIT"};
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
  std::ranges::copy(seed, row.order.seed.bytes.begin());
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

}  // namespace mariadb
}  // namespace hongbao
