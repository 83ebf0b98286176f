// How rows of the ledger are read, whichever engine has them. `Rows` is as in storage/stored_rows.h. Any thread.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/ledger.h"
#include "core/packet.h"
#include "storage/stored_rows.h"

namespace hongbao {

// Columns first … first+2 are debits_posted, credits_posted, frozen.
template <class Rows>
Account read_account(AccountId id, const Rows& rows, std::integral auto first) {
  Account account{.id = std::move(id),
                  .debits_posted = rows.money(first),
                  .credits_posted = rows.money(first + 1),
                  .frozen = rows.integer(first + 2) != 0};
  // Settlements, which are small, are not held to kPostedMax everywhere.
  const auto in_range = [](Money posted) { return posted >= Money(0) && posted <= kPostedMax * 10; };
  require_sound(in_range(account.debits_posted) && in_range(account.credits_posted), "an account's sums have bounds");
  return account;
}

template <class Rows>
TransferKind read_transfer_kind(const Rows& rows, std::integral auto column) {
  const int64_t kind = rows.integer(column);
  require_sound(
      kind >= static_cast<int64_t>(TransferKind::kDeposit) && kind <= static_cast<int64_t>(TransferKind::kReturned),
      "a transfer has a kind");
  return static_cast<TransferKind>(kind);
}

inline Transfer sound_transfer(Transfer transfer) {
  require_sound(transfer.amount >= Money(1) && transfer.amount <= kPostedMax, "a transfer has an amount");
  require_sound(transfer.debit != transfer.credit, "a transfer has two accounts");
  return transfer;
}

template <class Rows>
std::optional<SendKey> read_send_key(const Rows& rows, int column) {
  if (rows.is_null(column)) {
    return std::nullopt;
  }
  SendKey key;
  read_bytes(rows, column, key);
  return key;
}

// The columns shard, day, local of a transfer; all NULL without a packet.
struct PacketColumns {
  explicit PacketColumns(const std::optional<PacketKey>& packet) {
    if (packet) {
      shard = packet->shard;
      day = packet->day;
      local = packet->local;
    }
  }
  std::optional<ShardId> shard;
  std::optional<Day> day;
  std::optional<LocalNo> local;
};

template <class Rows>
PacketKey read_packet_key(const Rows& rows, std::integral auto first) {
  return {.shard = rows.shard(first),
          .day = {static_cast<int32_t>(rows.integer(first + 1))},
          .local = {rows.count(first + 2)}};
}

template <class Rows>
std::optional<PacketKey> read_optional_packet(const Rows& rows, std::integral auto first) {
  return rows.is_null(first) ? std::nullopt : std::optional(read_packet_key(rows, first));
}

// A transfer as it is made. Columns first … first+8 are these; `id` is what is stored in the first one.
inline constexpr std::string_view kPlainTransferColumns = "id, debit, credit, amount, kind, shard, day, local, at";
template <class Rows>
Transfer read_plain_transfer(const Rows& rows, std::integral auto first, std::string id) {
  return sound_transfer({.id = std::move(id),
                         .debit = AccountId::trusted(std::string(rows.text(first + 1))),
                         .credit = AccountId::trusted(std::string(rows.text(first + 2))),
                         .amount = rows.money(first + 3),
                         .kind = read_transfer_kind(rows, first + 4),
                         .packet = read_optional_packet(rows, first + 5),
                         .at = {rows.integer(first + 8)}});
}

}  // namespace hongbao
