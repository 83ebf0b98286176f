// How the ledger lies in MariaDB: its tables and the way between rows and values. One database for all shards, written
// by the ledger writers of several processes at once.
//
// Rows are small because they are what a settled voucher costs: one row and one index entry in `transfer`, one row
// changed in `account`.
// - The key of a voucher's transfer is 11 bytes (shard and number) instead of its 25 letters; a shard's are appended at
//   one place. It is there twice, the second time behind the index by wallet.
// - `account.transfers` counts an account's transfers; the count is the transfer's number among the account's. Lists
//   are by time, and by this number within a millisecond. Numbers rise by one in the order in which the account's row
//   was locked, whichever process writes. An AUTO_INCREMENT would cost a third tree.
// - Of a transfer's two accounts `wallet` is the user's (or the debited one when neither is), so that one index lists a
//   wallet in either direction. The amount is what it means for the wallet: negative when it pays.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "adapters/mariadb/database.h"
#include "core/ledger.h"
#include "storage/stored_ledger.h"

namespace hongbao::mariadb {

// The primary key of a transfer: its id, but for a voucher's a zero byte, the shard and the number, big-endian.
std::string transfer_key(std::string_view id);
std::string transfer_id(std::string_view key);

inline constexpr std::string_view kTransferColumns = "id, wallet, other, amount, kind, shard, day, local, at";
// Columns first … first+8 are kTransferColumns.
Transfer read_transfer(const Rows& rows, size_t first);

bool wallet_pays(const Transfer& transfer);

}  // namespace hongbao::mariadb
