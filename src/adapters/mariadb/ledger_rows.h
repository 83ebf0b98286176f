// How the ledger lies in MariaDB: its tables and the way between rows and values. One database for all shards, written
// by the ledger writers of several processes at once.
#pragma once

#include <optional>
#include <string_view>

#include "adapters/mariadb/database.h"
#include "core/ledger.h"

namespace hongbao::mariadb {

inline constexpr std::string_view kTransferColumns = "id, debit, credit, amount, kind, shard, day, local, at";
// Columns first … first+8 are kTransferColumns.
Transfer read_transfer(const Rows& rows, size_t first);

// The columns shard, day, local of a transfer; all NULL without a packet.
struct PacketColumns {
  explicit PacketColumns(const std::optional<PacketKey>& packet);
  std::optional<ShardId> shard;
  std::optional<Day> day;
  std::optional<LocalNo> local;
};
PacketKey read_packet_key(const Rows& rows, size_t first);

// The one user account a transfer touches: wallets are listed by it.
std::optional<std::string_view> wallet_of(const Transfer& transfer);

}  // namespace hongbao::mariadb
