#include "adapters/mariadb/ledger_rows.h"

#include <fmt/format.h>

#include <charconv>

#include "adapters/mariadb/schema.h"

namespace hongbao::mariadb {

const std::vector<SchemaStep>& ledger_schema_steps() {
  constexpr std::string_view account = "VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL";
  constexpr std::string_view packet = "shard SMALLINT, day INT, local BIGINT UNSIGNED";
  constexpr std::string_view id = "VARBINARY(255) NOT NULL";
  constexpr std::string_view cursor = "shard SMALLINT PRIMARY KEY, next_voucher BIGINT UNSIGNED NOT NULL";
  static const SchemaStep tables{
      fmt::format("CREATE TABLE IF NOT EXISTS account(id {} PRIMARY KEY, debits_posted BIGINT NOT NULL, credits_posted "
                  "BIGINT NOT NULL, transfers BIGINT UNSIGNED NOT NULL, frozen TINYINT NOT NULL) ENGINE = InnoDB",
                  account),
      fmt::format("CREATE TABLE IF NOT EXISTS transfer(id {1} PRIMARY KEY, wallet {0}, wallet_position BIGINT UNSIGNED "
                  "NOT NULL, other {0}, other_position BIGINT UNSIGNED NOT NULL, amount BIGINT NOT NULL, kind TINYINT "
                  "NOT NULL, {2}, at BIGINT NOT NULL, KEY by_wallet(wallet, wallet_position)) ENGINE = InnoDB",
                  account, id, packet),
      fmt::format("CREATE TABLE IF NOT EXISTS payment(shard SMALLINT NOT NULL, day INT NOT NULL, local BIGINT UNSIGNED "
                  "NOT NULL, transfer_id {}, amount BIGINT NOT NULL, pay_token VARCHAR(4096) CHARACTER SET ascii "
                  "COLLATE ascii_bin, at BIGINT NOT NULL, settled TINYINT NOT NULL, PRIMARY KEY(shard, day, local), "
                  "KEY pending(settled, shard, at, day, local)) ENGINE = InnoDB",
                  id),
      fmt::format("CREATE TABLE IF NOT EXISTS settled_to({}) ENGINE = InnoDB", cursor),
      fmt::format("CREATE TABLE IF NOT EXISTS deferred_transfer(id {1} PRIMARY KEY, debit {0}, credit {0}, amount "
                  "BIGINT NOT NULL, kind TINYINT NOT NULL, {2}, at BIGINT NOT NULL, reason TINYINT NOT NULL, attempts "
                  "INT UNSIGNED NOT NULL, next_at BIGINT NOT NULL, KEY due(shard, next_at)) ENGINE = InnoDB",
                  account, id, packet),
  };
  static const SchemaStep by_time{
      "ALTER TABLE transfer DROP KEY IF EXISTS by_wallet, ADD KEY IF NOT EXISTS by_wallet_at(wallet, at, "
      "wallet_position)"};
  static const SchemaStep one_payment_a_send{
      "ALTER TABLE payment ADD COLUMN IF NOT EXISTS send_key BINARY(16), ADD UNIQUE KEY IF NOT EXISTS "
      "of_send(send_key)"};
  static const SchemaStep deposits_of_days{
      "CREATE TABLE IF NOT EXISTS deposit_day(day INT PRIMARY KEY, amount BIGINT NOT NULL) ENGINE = InnoDB"};
  // Apart, because a key on `account` would cost every new account an entry, and nearly nobody is frozen.
  static const SchemaStep frozen_ones{
      fmt::format("CREATE TABLE IF NOT EXISTS frozen_account(id {} PRIMARY KEY) ENGINE = InnoDB", account),
      "INSERT IGNORE INTO frozen_account SELECT id FROM account WHERE frozen"};
  static const std::vector<SchemaStep> steps{tables, by_time, one_payment_a_send, deposits_of_days, frozen_ones};
  return steps;
}

namespace {

constexpr std::string_view kVoucherPrefix = "voucher:";
constexpr size_t kShardLetters = 4;
constexpr size_t kKeyBytes = 11;  // of a voucher's transfer; other ids don't begin with a zero byte

// No shard, or a number that `voucher_transfer_id` spells otherwise: nullopt.
std::optional<std::pair<ShardId, VoucherNo>> parse_voucher_transfer(std::string_view id) {
  if (!id.starts_with(kVoucherPrefix)) {
    return std::nullopt;
  }
  const std::string_view rest = id.substr(kVoucherPrefix.size());
  const auto shard = parse_shard_id(rest.substr(0, kShardLetters));
  VoucherNo no;
  if (rest.size() > kShardLetters) {
    std::from_chars(rest.data() + kShardLetters + 1, rest.data() + rest.size(), no.value);
  }
  if (!shard || voucher_transfer_id(*shard, no) != id) {
    return std::nullopt;
  }
  return std::pair(*shard, no);
}

}  // namespace

std::string transfer_key(std::string_view id) {
  const auto voucher = parse_voucher_transfer(id);
  if (!voucher) {
    return std::string(id);
  }
  const auto shard = static_cast<uint64_t>(to_value(voucher->first).integer);
  std::string key(kKeyBytes, '\0');
  key[1] = static_cast<char>(shard >> 8);
  key[2] = static_cast<char>(shard);
  for (size_t i = 0; i < sizeof(uint64_t); ++i) {
    key[kKeyBytes - 1 - i] = static_cast<char>(voucher->second.value >> (8 * i));
  }
  return key;
}

std::string transfer_id(std::string_view key) {
  if (key.empty() || key.front() != '\0') {
    return std::string(key);
  }
  require_sound(key.size() == kKeyBytes, "a voucher's transfer has a key of 11 bytes");
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(key[i]); };
  VoucherNo no{0};
  for (size_t i = 3; i < kKeyBytes; ++i) {
    no.value = no.value << 8 | byte(i);
  }
  return voucher_transfer_id(shard_of(byte(1) << 8 | byte(2)), no);
}

bool wallet_pays(const Transfer& transfer) {
  return transfer.debit.is_user() || !transfer.credit.is_user();
}

Transfer read_transfer(const Rows& rows, size_t first) {
  auto wallet = AccountId::trusted(std::string(rows.text(first + 1)));
  auto other = AccountId::trusted(std::string(rows.text(first + 2)));
  const Money amount = rows.money(first + 3);
  const bool pays = amount < Money(0);
  return sound_transfer({.id = transfer_id(rows.text(first)),
                         .debit = pays ? wallet : other,
                         .credit = pays ? other : wallet,
                         .amount = pays ? Money(0).minus_clamped(amount) : amount,
                         .kind = read_transfer_kind(rows, first + 4),
                         .packet = read_optional_packet(rows, first + 5),
                         .at = {rows.integer(first + 8)}});
}

}  // namespace hongbao::mariadb
