// How rows of the ledger are read, whichever engine has them. `Rows` is as in storage/stored_rows.h. Any thread.
#pragma once

#include <concepts>

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
      kind >= static_cast<int64_t>(TransferKind::kDeposit) && kind <= static_cast<int64_t>(TransferKind::kRefunded),
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

}  // namespace hongbao
