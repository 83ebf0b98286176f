#include "adapters/mariadb/ledger_rows.h"

#include <fmt/format.h>

#include "adapters/mariadb/schema.h"

namespace hongbao {

const std::vector<SchemaStep>& ledger_schema_steps() {
  // transfer.wallet is the user account of the two, so that one index lists a wallet in either direction; InnoDB keeps
  // the primary key at the end of every index entry, so that it is sorted by (wallet, position). The unique id is an
  // assertion for settled vouchers, which are guarded by the cursor, and a lookup for postings.
  constexpr std::string_view account = "VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin";
  constexpr std::string_view id = "VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin";
  static const std::vector<SchemaStep> steps{{
      fmt::format("CREATE TABLE IF NOT EXISTS account(id {} PRIMARY KEY, debits_posted BIGINT NOT NULL, credits_posted "
                  "BIGINT NOT NULL, frozen TINYINT NOT NULL) ENGINE = InnoDB",
                  account),
      fmt::format("CREATE TABLE IF NOT EXISTS transfer(position BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, id {1} NOT "
                  "NULL UNIQUE, debit {0} NOT NULL, credit {0} NOT NULL, amount BIGINT NOT NULL, kind TINYINT NOT "
                  "NULL, shard SMALLINT, day INT, local BIGINT UNSIGNED, at BIGINT NOT NULL, wallet {0}, KEY "
                  "by_wallet(wallet)) ENGINE = InnoDB",
                  account, id),
      fmt::format("CREATE TABLE IF NOT EXISTS payment(shard SMALLINT NOT NULL, day INT NOT NULL, local BIGINT UNSIGNED "
                  "NOT NULL, transfer_id {} NOT NULL, amount BIGINT NOT NULL, pay_token VARCHAR(4096) CHARACTER SET "
                  "ascii COLLATE ascii_bin, at BIGINT NOT NULL, settled TINYINT NOT NULL, PRIMARY KEY(shard, day, "
                  "local), KEY pending(settled, shard, at, day, local)) ENGINE = InnoDB",
                  id),
      "CREATE TABLE IF NOT EXISTS settled_to(shard SMALLINT PRIMARY KEY, next_voucher BIGINT UNSIGNED NOT NULL) "
      "ENGINE = InnoDB",
      fmt::format("CREATE TABLE IF NOT EXISTS deferred_transfer(id {1} PRIMARY KEY, debit {0} NOT NULL, credit {0} NOT "
                  "NULL, amount BIGINT NOT NULL, kind TINYINT NOT NULL, shard SMALLINT, day INT, local BIGINT "
                  "UNSIGNED, at BIGINT NOT NULL, reason TINYINT NOT NULL, attempts INT UNSIGNED NOT NULL, next_at "
                  "BIGINT NOT NULL, KEY due(shard, next_at)) ENGINE = InnoDB",
                  account, id),
  }};
  return steps;
}

namespace mariadb {

Transfer read_transfer(const Rows& rows, size_t first) {
  return {.id = std::string(rows.text(first)),
          .debit = AccountId::trusted(std::string(rows.text(first + 1))),
          .credit = AccountId::trusted(std::string(rows.text(first + 2))),
          .amount = rows.money(first + 3),
          .kind = static_cast<TransferKind>(rows.integer(first + 4)),
          .packet = rows.is_null(first + 5) ? std::nullopt : std::optional(read_packet_key(rows, first + 5)),
          .at = {rows.integer(first + 8)}};
}

PacketColumns::PacketColumns(const std::optional<PacketKey>& packet) {
  if (packet) {
    shard = packet->shard;
    day = packet->day;
    local = packet->local;
  }
}

PacketKey read_packet_key(const Rows& rows, size_t first) {
  return {.shard = shard_of(rows.integer(first)),
          .day = {static_cast<int32_t>(rows.integer(first + 1))},
          .local = {rows.count(first + 2)}};
}

std::optional<std::string_view> wallet_of(const Transfer& transfer) {
  if (transfer.debit.is_user()) {
    return transfer.debit.text();
  }
  return transfer.credit.is_user() ? std::optional<std::string_view>(transfer.credit.text()) : std::nullopt;
}

}  // namespace mariadb
}  // namespace hongbao
